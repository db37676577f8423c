{{- define "opsroom.labels" -}}
app.kubernetes.io/name: opsroom
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "opsroom.image" -}}
{{ .root.Values.image.registry }}/opsroom-{{ .component }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* A variable as text. Helm reads numbers of a file as floats, and would write large ones as 4.29e+09. */}}
{{- define "opsroom.variable" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* A pod that may do nothing but its work. */}}
{{- define "opsroom.pod" -}}
{{- with .root.Values.imagePullSecrets -}}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{ end -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid }}
  runAsGroup: {{ .uid }}
  fsGroup: {{ .uid }}
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "opsroom.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/*
A pod that serves others is told to end before they have learnt that it will: it listens until they have.
The action `sleep` would do as much, from Kubernetes 1.30 on.
*/}}
{{- define "opsroom.preStop" -}}
lifecycle:
  preStop:
    exec: {command: [sleep, {{ .Values.preStopSeconds | quote }}]}
{{- end }}

{{/* While nodes are emptied, one at a time. */}}
{{- define "opsroom.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels: {{- include "opsroom.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "opsroom.labels" . | nindent 6 }}
{{- end }}

{{/*
A deployment of one of the services, or of an agent. Health and metrics are at the port `admin`, which no Service shows;
`publicPort` is where it serves others besides, if it does.
*/}}
{{- define "opsroom.service" -}}
{{- $values := index .root.Values .component -}}
{{- $prefix := upper .component -}}
{{- $user := $values.natsUser | default .component -}}
{{- $admin := dict (printf "%s_ADMIN_HOST" $prefix) "0.0.0.0" (printf "%s_ADMIN_PORT" $prefix) "9090" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels: {{- include "opsroom.labels" . | nindent 4 }}
spec:
  {{- with $values.replicas }}
  replicas: {{ . }}
  {{- end }}
  selector:
    matchLabels: {{- include "opsroom.labels" . | nindent 6 }}
  strategy:
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    metadata:
      labels: {{- include "opsroom.labels" . | nindent 8 }}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: "9090"
        prometheus.io/path: /metrics
    spec:
      {{- include "opsroom.pod" (dict "root" .root "uid" 10001) | nindent 6 }}
      terminationGracePeriodSeconds: {{ add ($values.terminationGracePeriodSeconds | default 20) (ternary .root.Values.preStopSeconds 0 (hasKey . "publicPort")) }}
      containers:
        - name: {{ .component }}
          image: {{ include "opsroom.image" . }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          {{- include "opsroom.containerSecurity" . | nindent 10 }}
          env:
            - {name: NATS_URL, value: {{ .root.Values.nats.url | quote }}}
            - {name: NATS_USER, value: {{ $user }}}
            - {name: NATS_PASSWORD_FILE, value: /secrets/nats-password}
            - {name: STREAM_REPLICAS, value: {{ .root.Values.nats.streamReplicas | quote }}}
            - {name: START_WAIT_SECONDS, value: {{ .root.Values.startWaitSeconds | quote }}}
            {{- range $name, $value := merge (deepCopy $values.env) .env $admin }}
            - {name: {{ $name }}, value: {{ include "opsroom.variable" $value | quote }}}
            {{- end }}
          ports:
            - {name: admin, containerPort: 9090}
            {{- with .publicPort }}
            - {name: http, containerPort: {{ . }}}
            {{- end }}
          {{- if .publicPort }}
          {{- include "opsroom.preStop" .root | nindent 10 }}
          {{- end }}
          startupProbe:
            httpGet: {path: /healthz, port: admin}
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz, port: admin}
            periodSeconds: 10
            timeoutSeconds: 5
          readinessProbe:
            httpGet: {path: /readyz, port: admin}
            periodSeconds: 5
            timeoutSeconds: 5
          resources: {{- toYaml $values.resources | nindent 12 }}
          volumeMounts:
            - {name: secret, mountPath: /secrets, readOnly: true}
            {{- if .tokens }}
            - {name: tokens, mountPath: /tokens, readOnly: true}
            {{- end }}
            {{- if .templates }}
            - {name: templates, mountPath: /templates, readOnly: true}
            {{- end }}
            {{- if .providerToken }}
            - {name: provider, mountPath: /provider, readOnly: true}
            {{- end }}
            - {name: tmp, mountPath: /tmp}
            {{- if .index }}
            - {name: index, mountPath: /index}
            {{- end }}
      volumes:
        - name: secret
          secret:
            secretName: {{ .root.Values.nats.secretName | quote }}
            defaultMode: 0440
            items: [{key: {{ $user }}, path: nats-password}]
        {{- with .tokens }}
        - name: tokens
          secret: {secretName: {{ . | quote }}, defaultMode: 0440}
        {{- end }}
        {{- with .templates }}
        - name: templates
          configMap: {name: {{ . | quote }}}
        {{- end }}
        {{- with .providerToken }}
        - name: provider
          secret: {secretName: {{ . | quote }}, defaultMode: 0440, items: [{key: token, path: token}]}
        {{- end }}
        - name: tmp
          emptyDir: {sizeLimit: 16Mi}
        {{- if .index }}
        # Kept when a container restarts; built again from the stream in a new pod.
        - name: index
          emptyDir: {sizeLimit: 2Gi}
        {{- end }}
{{- end }}
