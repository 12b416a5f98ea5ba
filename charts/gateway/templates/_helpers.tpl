{{- define "gateway.name" -}}
{{ .Values.name | default .Release.Name }}
{{- end }}

{{- define "gateway.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (printf "%s-service-account" (include "gateway.name" .)) }}
{{- end }}

{{- /* By these the Service, the Deployment and Gateway objects select the pods. */}}
{{- define "gateway.selectorLabels" -}}
{{- $name := include "gateway.name" . }}
{{- merge (deepCopy .Values.labels) (dict "app" $name "istio" (trimPrefix "istio-" $name)) | toYaml }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selectorLabels" . }}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: gateway
app.kubernetes.io/part-of: fairway
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "gateway.minReplicas" -}}
{{ .Values.autoscaling.enabled | ternary .Values.autoscaling.minReplicas .Values.replicas }}
{{- end }}
