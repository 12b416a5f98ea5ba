{{- /* Of an add-on: `dict "root" . "name" "prometheus"`. */}}
{{- define "addons.selectorLabels" -}}
app: {{ .name }}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "addons.podLabels" -}}
{{ include "addons.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/component: addon
app.kubernetes.io/part-of: fairway
{{- end }}

{{- define "addons.labels" -}}
{{ include "addons.podLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "addons.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "addons.labels" . | nindent 2 }}
{{- end }}

{{- /* The Service of an add-on: `dict "root" . "name" "prometheus" "port" 9090`. */}}
{{- define "addons.service" -}}
{{- $service := (get .root.Values .name).service }}
apiVersion: v1
kind: Service
metadata:
  {{- include "addons.metadata" . | nindent 2 }}
spec:
  type: {{ $service.type }}
  selector:
    {{- include "addons.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: {{ .port }}
      targetPort: http
      {{- if $service.nodePort }}
      nodePort: {{ $service.nodePort }}
      {{- end }}
{{- end }}

{{- /* What all pods have: no root, no rights, no proxy. */}}
{{- define "addons.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "addons.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- /* Where Grafana and the service graph ask. */}}
{{- define "addons.prometheus" -}}
{{- if not (or .Values.prometheus.enabled .Values.prometheus.url) }}
{{- fail "prometheus.enabled is false: give prometheus.url, the URL of the Prometheus that Grafana and the service graph are to ask, or switch those off" }}
{{- end }}
{{- .Values.prometheus.url | default (printf "http://prometheus.%s:9090" .Release.Namespace) }}
{{- end }}
