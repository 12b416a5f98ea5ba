{{- define "fairway-base.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: fairway
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The kinds that users write, as the apiGroups and resources of RBAC rules with the verbs given. */}}
{{- define "fairway-base.rules" -}}
{{- $groups := dict }}
{{- range $path, $_ := .root.Files.Glob "files/crds/*.yaml" }}
{{- $spec := ($.root.Files.Get $path | fromYaml).spec }}
{{- $_ := set $groups $spec.group (append (get $groups $spec.group | default list) $spec.names.plural) }}
{{- end }}
{{- range $group, $plurals := $groups }}
- apiGroups: [{{ $group }}]
  resources: [{{ join ", " $plurals }}]
  verbs: [{{ join ", " $.verbs }}]
{{- end }}
{{- end }}
