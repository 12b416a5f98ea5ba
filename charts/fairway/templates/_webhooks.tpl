{{- /*
The webhooks that inject the pods of one revision or tag. Each pod is matched by one of them at most. In the control
plane's own namespace only pods that ask are (gateways), so there is a second one with the prefix `own.`.

root: the chart; name: revision or tag; default: whether it also stands for `istio-injection=enabled`.
*/}}
{{- define "fairway.injectors" -}}
{{- $root := .root }}
{{- $ignored := include "fairway.ignoredNamespaces" $root | fromJsonArray }}
{{- $name := "kubernetes.io/metadata.name" }}
{{- $notIgnored := dict "key" $name "operator" "NotIn" "values" $ignored }}
{{- $others := dict "key" $name "operator" "NotIn" "values" (append $ignored $root.Release.Namespace | uniq) }}
{{- $own := dict "key" $name "operator" "In" "values" (list $root.Release.Namespace) }}
{{- $noInjection := dict "key" "istio-injection" "operator" "DoesNotExist" }}
{{- $enabled := dict "key" "istio-injection" "operator" "In" "values" (list "enabled") }}
{{- $noRevision := dict "key" "istio.io/rev" "operator" "DoesNotExist" }}
{{- $revision := dict "key" "istio.io/rev" "operator" "In" "values" (list .name) }}
{{- $asks := dict "key" "sidecar.istio.io/inject" "operator" "In" "values" (list "true") }}
{{- $silent := dict "key" "sidecar.istio.io/inject" "operator" "DoesNotExist" }}
{{- $accepts := dict "key" "sidecar.istio.io/inject" "operator" "NotIn" "values" (list "false") }}
{{- /* By the namespace's label istio.io/rev. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "rev.namespace" "namespace" (list $revision $noInjection $others) "pod" (list $accepts)) }}
{{- include "fairway.injector" (dict "root" $root "prefix" "own.rev.namespace" "namespace" (list $revision $noInjection $own) "pod" (list $asks)) }}
{{- /* By the pod's label istio.io/rev, where the namespace says nothing. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "rev.object" "namespace" (list $noRevision $noInjection $others) "pod" (list $accepts $revision)) }}
{{- include "fairway.injector" (dict "root" $root "prefix" "own.rev.object" "namespace" (list $noRevision $noInjection $own) "pod" (list $asks $revision)) }}
{{- if .default }}
{{- /* By the namespace's label istio-injection, which beats istio.io/rev. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "namespace" "namespace" (list $enabled $others) "pod" (list $accepts)) }}
{{- include "fairway.injector" (dict "root" $root "prefix" "own.namespace" "namespace" (list $enabled $own) "pod" (list $asks)) }}
{{- /* By the pod's label sidecar.istio.io/inject, where the namespace says nothing. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "object" "namespace" (list $noRevision $noInjection $notIgnored) "pod" (list $asks $noRevision)) }}
{{- if $root.Values.injection.enableNamespacesByDefault }}
{{- /* Where neither says anything. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "auto" "namespace" (list $noRevision $noInjection $others) "pod" (list $silent $noRevision)) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "fairway.injector" }}
- name: {{ .prefix }}.sidecar-injector.istio.io
  clientConfig:
    # caBundle is left to the control plane, which patches it in and renews it.
    service:
      name: {{ include "fairway.name" .root }}
      namespace: {{ .root.Release.Namespace }}
      path: /inject
      port: 443
  rules:
    - apiGroups: [""]
      apiVersions: [v1]
      resources: [pods]
      operations: [CREATE]
      scope: Namespaced
  namespaceSelector:
    matchExpressions:
      {{- toYaml .namespace | nindent 6 }}
  objectSelector:
    matchExpressions:
      {{- toYaml .pod | nindent 6 }}
  failurePolicy: {{ .root.Values.injection.failurePolicy }}
  timeoutSeconds: {{ .root.Values.injection.timeoutSeconds }}
  reinvocationPolicy: {{ .root.Values.injection.reinvocationPolicy }}
  sideEffects: None
  admissionReviewVersions: [v1]
{{- end }}

{{- define "fairway.validator" }}
- name: {{ .prefix }}validation.istio.io
  clientConfig:
    service:
      name: {{ include "fairway.name" .root }}
      namespace: {{ .root.Release.Namespace }}
      path: /validate
      port: 443
  rules:
    # "*" are all kinds without their subresources: nobody checks what writes `status`.
    - apiGroups:
        - authentication.istio.io
        - extensions.istio.io
        - networking.fairway.io
        - networking.istio.io
        - rbac.istio.io
        - security.istio.io
        - telemetry.istio.io
      apiVersions: ["*"]
      resources: ["*"]
      operations: [CREATE, UPDATE]
  objectSelector:
    matchExpressions:
      {{- toYaml .object | nindent 6 }}
  failurePolicy: {{ .root.Values.validation.failurePolicy }}
  timeoutSeconds: {{ .root.Values.validation.timeoutSeconds }}
  sideEffects: None
  admissionReviewVersions: [v1]
{{- end }}
