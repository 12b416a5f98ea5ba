{{/* A probe of the first port: HTTP if it has a path, else a connection. */}}
{{- define "common.probe" -}}
{{- $port := include "common.internalPort" (first .service.ports) -}}
{{- if .probe.path -}}
httpGet:
  path: {{ .probe.path }}
  port: {{ $port }}
{{- else -}}
tcpSocket:
  port: {{ $port }}
{{- end }}
periodSeconds: {{ .probe.periodSeconds }}
timeoutSeconds: {{ .probe.timeoutSeconds }}
failureThreshold: {{ .probe.failureThreshold }}
{{- end -}}

{{- define "common.podAnnotations" -}}
{{- $sidecar := include "common.istioSidecar" . -}}
checksum/config: {{ include "common.echo" . | sha256sum }}
{{- if ne $sidecar "" }}
sidecar.istio.io/inject: {{ $sidecar | quote }}
{{- end }}
{{- if ne $sidecar "false" }}
sidecar.istio.io/proxyCPU: {{ .Values.global.proxy.cpu | quote }}
sidecar.istio.io/proxyMemory: {{ .Values.global.proxy.memory | quote }}
{{- end }}
{{- end -}}

{{- define "common.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "common.fullname" . }}
  namespace: {{ include "common.namespace" . }}
  labels: {{- include "common.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicaCount }}
  selector:
    matchLabels: {{- include "common.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "common.selector" . | nindent 8 }}
      annotations: {{- include "common.podAnnotations" . | nindent 8 }}
    spec:
      serviceAccountName: {{ .Values.serviceAccountName }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 15
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: {{ include "common.name" . }}
          image: {{ printf "%s/%s:%s" .Values.global.hub .Values.image .Values.global.tag | quote }}
          imagePullPolicy: {{ .Values.global.pullPolicy }}
          args: [/etc/echo/config.json]
          ports:
            {{- range .Values.service.ports }}
            - containerPort: {{ include "common.internalPort" . }}
            {{- end }}
          {{- if .Values.startup.enabled }}
          startupProbe:
            {{- include "common.probe" (dict "service" .Values.service "probe" .Values.startup) | nindent 12 }}
          {{- end }}
          {{- if .Values.liveness.enabled }}
          livenessProbe:
            {{- include "common.probe" (dict "service" .Values.service "probe" .Values.liveness) | nindent 12 }}
          {{- end }}
          {{- if .Values.readiness.enabled }}
          readinessProbe:
            {{- include "common.probe" (dict "service" .Values.service "probe" .Values.readiness) | nindent 12 }}
          {{- end }}
          resources: {{- toYaml .Values.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts:
            - {name: config, mountPath: /etc/echo, readOnly: true}
            {{- if include "common.tls" . }}
            - {name: tls, mountPath: /etc/tls, readOnly: true}
            {{- end }}
      volumes:
        - name: config
          configMap: {name: {{ include "common.fullname" . }}}
        {{- if include "common.tls" . }}
        - name: tls
          secret: {secretName: {{ include "common.fullname" . }}}
        {{- end }}
{{- end -}}
