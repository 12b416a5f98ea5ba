{{- /*
The webhooks that inject the pods of one revision or tag. Each pod is matched by at most one of them: they part the
namespaces into those with a label, those without, and the control plane's own.

root: the chart; name: revision or tag; default: whether it also stands for `istio-injection=enabled`.
*/}}
{{- define "fairway.injectors" -}}
{{- $own := .root.Release.Namespace }}
{{- $others := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" (append (include "fairway.ignoredNamespaces" .root | fromJsonArray) $own | uniq) }}
{{- $ownOnly := dict "key" "kubernetes.io/metadata.name" "operator" "In" "values" (list $own) }}
{{- $noLabel := dict "key" "istio-injection" "operator" "DoesNotExist" }}
{{- $noRevision := dict "key" "istio.io/rev" "operator" "DoesNotExist" }}
{{- $revision := dict "key" "istio.io/rev" "operator" "In" "values" (list .name) }}
{{- $enabled := dict "key" "istio-injection" "operator" "In" "values" (list "enabled") }}
{{- $asks := dict "key" "sidecar.istio.io/inject" "operator" "In" "values" (list "true") }}
{{- $silent := dict "key" "sidecar.istio.io/inject" "operator" "DoesNotExist" }}
{{- $accepts := dict "key" "sidecar.istio.io/inject" "operator" "NotIn" "values" (list "false") }}
{{- $root := .root }}
{{- /* By the namespace's label istio.io/rev. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "rev.namespace" "namespace" (list $revision $noLabel $others) "pod" (list $accepts)) }}
{{- /* By the pod's, in namespaces without labels. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "rev.object" "namespace" (list $noRevision $noLabel $others) "pod" (list $accepts $revision)) }}
{{- /* By the pod's, in the control plane's own namespace: gateways. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "rev.gateway" "namespace" (list $ownOnly) "pod" (list $asks $revision)) }}
{{- if .default }}
{{- /* By the namespace's label istio-injection, which beats its istio.io/rev. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "namespace" "namespace" (list $enabled $others) "pod" (list $accepts)) }}
{{- /* By the pod's label sidecar.istio.io/inject, in namespaces without labels. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "object" "namespace" (list $noRevision $noLabel $others) "pod" (list $asks $noRevision)) }}
{{- /* The same in the control plane's own namespace: gateways. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "gateway" "namespace" (list $ownOnly) "pod" (list $asks $noRevision)) }}
{{- if .root.Values.injection.enableNamespacesByDefault }}
{{- /* Pods and namespaces that say nothing. */}}
{{- include "fairway.injector" (dict "root" $root "prefix" "auto" "namespace" (list $noRevision $noLabel $others) "pod" (list $silent $noRevision)) }}
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
