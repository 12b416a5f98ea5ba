{{/* The Service. A port with a nodePort "xx" is reached at <nodePortPrefix>xx on every node. */}}
{{- define "common.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "common.name" . }}
  namespace: {{ include "common.namespace" . }}
  labels: {{- include "common.labels" . | nindent 4 }}
spec:
  type: {{ .Values.service.type }}
  selector: {{- include "common.selector" . | nindent 4 }}
  ports:
    {{- range .Values.service.ports }}
    - name: {{ .name }}
      port: {{ .externalPort }}
      targetPort: {{ include "common.internalPort" . }}
      {{- if and .nodePort (eq $.Values.service.type "NodePort") }}
      nodePort: {{ printf "%v%v" $.Values.global.nodePortPrefix .nodePort }}
      {{- end }}
    {{- end }}
{{- end -}}
