{{/* Not empty if one of the ports speaks TLS. */}}
{{- define "common.tls" -}}
{{- range .Values.service.ports }}{{ if hasPrefix "https" .name }}yes{{ end }}{{ end -}}
{{- end -}}

{{/* The web page of MSB: the services it passes requests on to. */}}
{{- define "common.portal" -}}
<!doctype html><title>MSB portal</title><h1>Microservices of ONAP</h1><ul>
{{- range $name, $port := .Values.echo.forward }}<li><a href="/api/{{ $name }}/v0/swagger.json">{{ $name }}</a>: {{ $port }}</li>
{{- end }}</ul>
{{ end -}}

{{- define "common.swagger" -}}
{{- $name := include "common.name" . -}}
{{- $info := dict "title" (printf "%s API" $name) "version" "v0" -}}
{{- dict "swagger" "2.0" "info" $info "paths" (dict (printf "/api/%s/v0/vims" $name) (dict)) | toPrettyJson }}
{{ end -}}

{{/* What the stand-in for the microservice answers (the configuration of echo.py). */}}
{{- define "common.echo" -}}
{{- $name := include "common.name" . -}}
{{- $plain := list -}}
{{- $tls := list -}}
{{- range .Values.service.ports -}}
  {{- $address := printf "0.0.0.0:%s" (include "common.internalPort" .) -}}
  {{- if hasPrefix "https" .name }}{{ $tls = append $tls $address }}{{ else }}{{ $plain = append $plain $address }}{{ end -}}
{{- end -}}
{{- $pages := deepCopy .Values.echo.pages -}}
{{- if .Values.echo.swagger }}{{ $_ := set $pages (printf "/api/%s/v0/swagger.json" $name) (include "common.swagger" .) }}{{ end -}}
{{- range .Values.echo.portal }}{{ $_ := set $pages . (include "common.portal" $) }}{{ end -}}
{{- $forward := dict -}}
{{- range $service, $port := .Values.echo.forward -}}
  {{- $address := printf "%s:%v" $service $port -}}
  {{- $_ := set $forward $service (dict "address" $address "host" $address) -}}
{{- end -}}
{{- $calls := dict -}}
{{- range $path, $targets := .Values.echo.calls -}}
  {{- $list := list -}}
  {{- range $targets -}}
    {{- $address := first (splitList "/" .) -}}
    {{- $list = append $list (dict "address" $address "host" $address "path" (trimPrefix $address .)) -}}
  {{- end -}}
  {{- $_ := set $calls $path $list -}}
{{- end -}}
{{- $app := dict "service" $name "listen" $plain "pages" $pages "forward" $forward "calls" $calls -}}
{{- if $tls }}{{ $_ := set $app "tls" (dict "listen" $tls "certificate" "/etc/tls/tls.crt" "key" "/etc/tls/tls.key") }}{{ end -}}
{{- list $app | toPrettyJson -}}
{{- end -}}

{{- define "common.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "common.fullname" . }}
  namespace: {{ include "common.namespace" . }}
  labels: {{- include "common.labels" . | nindent 4 }}
data:
  config.json: | {{- include "common.echo" . | nindent 4 }}
{{- end -}}

{{/* A certificate of its own making for the ports that speak TLS; it is kept over upgrades. */}}
{{- define "common.secret" -}}
{{- if include "common.tls" . }}
{{- $name := include "common.name" . }}
{{- $old := lookup "v1" "Secret" (include "common.namespace" .) (include "common.fullname" .) }}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "common.fullname" . }}
  namespace: {{ include "common.namespace" . }}
  labels: {{- include "common.labels" . | nindent 4 }}
type: kubernetes.io/tls
{{- if $old }}
data: {{- toYaml $old.data | nindent 2 }}
{{- else }}
{{- $made := genSelfSignedCert $name nil (list $name (printf "%s.%s.svc" $name (include "common.namespace" .))) 3650 }}
data:
  tls.crt: {{ b64enc $made.Cert }}
  tls.key: {{ b64enc $made.Key }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Everything of one microservice. */}}
{{- define "common.microservice" -}}
{{ include "common.configmap" . }}
---
{{ include "common.secret" . }}
---
{{ include "common.service" . }}
---
{{ include "common.deployment" . }}
{{- end -}}
