{{- define "fairway.revision" -}}
{{ .Values.revision | default "default" }}
{{- end }}

{{- /* "" for the revision `default`, else "-<revision>". */}}
{{- define "fairway.suffix" -}}
{{- if ne (include "fairway.revision" .) "default" }}-{{ .Values.revision }}{{ end }}
{{- end }}

{{- /* Names do not hold the release's: clients find the control plane by them. Two releases of one revision clash. */}}
{{- define "fairway.name" -}}
fairway{{ include "fairway.suffix" . }}
{{- end }}

{{- /* Of objects outside of namespaces. */}}
{{- define "fairway.clusterName" -}}
{{ include "fairway.name" . }}-{{ .Release.Namespace }}
{{- end }}

{{- define "fairway.selectorLabels" -}}
app: istiod
istio.io/rev: {{ include "fairway.revision" . }}
{{- end }}

{{- /* What stays the same for the pods of one version, whatever is installed how. */}}
{{- define "fairway.podLabels" -}}
app.kubernetes.io/name: fairway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: fairway
istio.io/rev: {{ include "fairway.revision" . }}
{{- end }}

{{- define "fairway.labels" -}}
{{ include "fairway.podLabels" . }}
app.kubernetes.io/component: control-plane
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Of what the Prometheus operator selects. */}}
{{- define "fairway.monitoringLabels" -}}
{{ mergeOverwrite (include "fairway.labels" . | fromYaml) .Values.monitoring.labels | toYaml }}
{{- end }}

{{- /* A reference of one of our images, by its name. */}}
{{- define "fairway.imageOf" -}}
{{ .root.Values.global.hub }}/{{ .name }}:{{ .root.Values.global.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "fairway.image" -}}
{{ .Values.image | default (include "fairway.imageOf" (dict "root" . "name" "fairway")) }}
{{- end }}

{{- /* Whether this revision serves what names no revision: "true" or "". */}}
{{- define "fairway.isDefault" -}}
{{- if or (eq (include "fairway.revision" .) "default") (has "default" .Values.revisionTags) }}true{{ end }}
{{- end }}

{{- /* The least number of replicas. */}}
{{- define "fairway.minReplicas" -}}
{{ .Values.autoscaling.enabled | ternary .Values.autoscaling.minReplicas .Values.replicas }}
{{- end }}

{{- /* Namespaces whose pods no label of the namespace opts in, but for the control plane's own; a JSON list. */}}
{{- define "fairway.ignoredNamespaces" -}}
{{ prepend .Values.injection.ignoredNamespaces "kube-system" | uniq | toJson }}
{{- end }}

{{- /* The service account and roles of one revision are one subject. */}}
{{- define "fairway.subjects" -}}
- kind: ServiceAccount
  name: {{ include "fairway.name" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* The name of a tag's webhooks. With the revision in it: while a tag moves, both revisions have it, so that at no
time pods are created without. */}}
{{- define "fairway.tagName" -}}
istio-revision-tag-{{ .tag }}-{{ include "fairway.revision" .root }}
{{- end }}
