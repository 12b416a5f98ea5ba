{{/* The microservice's name, which is also its Service's: the chart's, or its alias. */}}
{{- define "common.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{/* The name of a release's objects. It always starts with the release's, so that one chart can be installed twice. */}}
{{- define "common.fullname" -}}
{{- printf "%s-%s" .Release.Name (include "common.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "common.namespace" -}}
{{- .Values.nsPrefix | default .Release.Namespace -}}
{{- end -}}

{{- define "common.selector" -}}
app: {{ include "common.name" . }}
release: {{ .Release.Name }}
{{- end -}}

{{- define "common.labels" -}}
{{ include "common.selector" . }}
chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
heritage: {{ .Release.Service }}
{{- end -}}

{{/* What to do about the sidecar: the microservice's own word, else the one for all. Empty: the namespace decides. */}}
{{- define "common.istioSidecar" -}}
{{- $own := .Values.istioSidecar | toString -}}
{{- if eq $own "" -}}{{ .Values.global.istioSidecar | toString }}{{- else -}}{{ $own }}{{- end -}}
{{- end -}}

{{/* The port in the container: where it is not said, the Service's. */}}
{{- define "common.internalPort" -}}
{{- .internalPort | default .externalPort -}}
{{- end -}}
