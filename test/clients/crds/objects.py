"""Objects of the published CRDs: good ones, and bad ones with the field that the refusal names and a part of what it says."""

GOOD = [
    """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: good}
spec:
  replicas: 2
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: a, image: "a:1", ports: [{containerPort: 80}]}]}
  strategy:
    canary:
      maxSurge: 25%
      steps: [{setWeight: 20}, {pause: {duration: 1h}}, {pause: {}}]
      trafficRouting: {istio: {virtualService: {name: a, routes: [primary]}}}
""",
    """
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: good}
spec:
  args: [{name: service}]
  metrics:
  - name: success
    interval: 5m
    successCondition: result[0] >= 0.95
    failureLimit: 3
    provider: {prometheus: {address: "http://prometheus:9090", query: up}}
""",
    """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: good}
spec:
  project: default
  source: {repoURL: "https://example.com/r.git", path: ., targetRevision: HEAD}
  destination: {server: "https://kubernetes.default.svc", namespace: a}
  syncPolicy: {automated: {prune: true}, syncOptions: [CreateNamespace=true]}
""",
    """
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: good}
spec:
  goTemplate: true
  generators:
  - list: {elements: [{cluster: a, url: "https://a"}, {cluster: b, anything: [1, {x: y}]}]}
  template:
    metadata: {name: "{{.cluster}}"}
    spec:
      project: default
      source: {repoURL: "https://example.com/r.git", path: ., targetRevision: HEAD}
      destination: {server: "{{.url}}"}
""",
    """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: good}
spec:
  hosts: [a]
  http:
  - match: [{headers: {lane: {exact: test}}}]
    route: [{destination: {host: a, subset: v2}}]
  - name: primary
    timeout: 2.5s
    retries: {attempts: 3, perTryTimeout: 1s}
    route: [{destination: {host: a, subset: v1}, weight: 95}, {destination: {host: a, subset: v2}, weight: 5}]
""",
    """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: good}
spec:
  host: a
  trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}, connectionPool: {tcp: {maxConnections: 10, connectTimeout: 1s}}}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
""",
    """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: good}
spec:
  hosts: [api.example.com]
  ports: [{number: 443, name: https, protocol: TLS}]
  location: MESH_EXTERNAL
  resolution: DNS
""",
    """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: good}
spec:
  selector: {matchLabels: {app: a}}
  rules: [{from: [{source: {principals: [cluster.local/ns/a/sa/b]}}], to: [{operation: {methods: [GET]}}]}]
""",
    """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: good}
spec: {controllerName: example.com/controller}
""",
    """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: good}
spec:
  gatewayClassName: good
  listeners:
  - {name: http, port: 80, protocol: HTTP, hostname: "*.example.com"}
  - {name: https, port: 443, protocol: HTTPS, tls: {mode: Terminate, certificateRefs: [{name: c}]}}
""",
    """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good}
spec:
  parentRefs: [{name: good}]
  hostnames: [www.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /a}, headers: [{name: lane, value: test}]}]
    filters:
    - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x, value: "1"}]}}
    backendRefs: [{name: a, port: 80, weight: 95}, {name: b, port: 80, weight: 5}]
    timeouts: {request: 10s, backendRequest: 2s}
""",
    """
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: good}
spec:
  parentRefs: [{name: good}]
  rules: [{matches: [{method: {service: a.B, method: C}}], backendRefs: [{name: a, port: 9000}]}]
""",
]

# Field, part of the message, object.
BAD = [
    ("spec.replicas", "must be of type integer", """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: bad}
spec: {replicas: three}
"""),
    ("spec.strategy.canary.steps[1].setCanaryScale.weight", "must be of type integer", """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: bad}
spec: {strategy: {canary: {steps: [{setWeight: 5}, {setCanaryScale: {weight: half}}]}}}
"""),
    ("spec.metrics[0].name", "Required value", """
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: bad}
spec: {metrics: [{provider: {job: {spec: {template: {spec: {containers: []}}}}}}]}
"""),
    ("spec.project", "Required value", """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: bad}
spec: {source: {repoURL: "https://example.com/r.git"}, destination: {namespace: a}}
"""),
    ("spec.sources[0].repoURL", "Required value", """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: bad}
spec: {project: default, destination: {}, sources: [{path: .}]}
"""),
    ("spec.generators", "Required value", """
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: bad}
spec: {template: {metadata: {}, spec: {project: a, destination: {}}}}
"""),
    ("spec.http[0].route[0].destination.host", "Required value", """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bad}
spec: {hosts: [a], http: [{route: [{destination: {subset: v1}}]}]}
"""),
    ("spec.http[0].timeout", "must be a valid duration greater than 1ms", """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bad}
spec: {hosts: [a], http: [{timeout: soon, route: [{destination: {host: a}}]}]}
"""),
    ("spec.trafficPolicy.loadBalancer.simple", "Unsupported value", """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: bad}
spec: {host: a, trafficPolicy: {loadBalancer: {simple: BEST}}}
"""),
    ("spec.hosts[0]", "hostname cannot be wildcard", """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: bad}
spec: {hosts: ["*"], ports: [{number: 443, name: https}]}
"""),
    ("spec", "Address is required", """
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: bad}
spec: {labels: {app: a}}
"""),
    ("spec", "only one of targetRefs or selector can be set", """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: bad}
spec: {selector: {matchLabels: {app: a}}, targetRefs: [{kind: Service, name: a}]}
"""),
    ("spec.controllerName", "Required value", """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: bad}
spec: {}
"""),
    ("spec.listeners", "Combination of port, protocol and hostname must be unique for each listener", """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: bad}
spec: {gatewayClassName: good, listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: HTTP}]}
"""),
    ("spec.listeners", "tls must not be specified for protocols", """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: bad}
spec: {gatewayClassName: good, listeners: [{name: a, port: 80, protocol: HTTP, tls: {certificateRefs: [{name: c}]}}]}
"""),
    ("spec.rules[0].matches[0].path", "value must be an absolute path and start with '/'", """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad}
spec: {rules: [{matches: [{path: {type: PathPrefix, value: a}}]}]}
"""),
    ("spec.rules[0].backendRefs[1]", "Must have port for Service reference", """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad}
spec: {rules: [{backendRefs: [{name: a, port: 80}, {name: b}]}]}
"""),
    ("spec.rules[0].filters[0]", "filter.requestMirror must be nil if the filter.type is not RequestMirror", """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad}
spec:
  rules:
  - filters:
    - type: RequestHeaderModifier
      requestHeaderModifier: {remove: [x]}
      requestMirror: {backendRef: {name: a, port: 80}}
"""),
    ("spec.rules[0].timeouts", "backendRequest timeout cannot be longer than request timeout", """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad}
spec: {rules: [{timeouts: {request: 1s, backendRequest: 2s}}]}
"""),
    ("spec.hostnames[0]", "should match", """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad}
spec: {hostnames: [not_a_host]}
"""),
    ("spec.rules[0].matches[0].method", "One or both of 'service' or 'method' must be specified", """
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: bad}
spec: {rules: [{matches: [{method: {type: Exact}}]}]}
"""),
]

# Of the experimental channel alone.
EXPERIMENTAL_GOOD = [
    """
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: good}
spec: {parentRefs: [{name: good}], rules: [{backendRefs: [{name: a, port: 5432}]}]}
""",
    """
apiVersion: gateway.networking.k8s.io/v1alpha3
kind: BackendTLSPolicy
metadata: {name: good}
spec:
  targetRefs: [{group: "", kind: Service, name: a}]
  validation: {hostname: a.example.com, wellKnownCACertificates: System}
""",
]
EXPERIMENTAL_BAD = [
    ("spec.rules", "Required value", """
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: bad}
spec: {parentRefs: [{name: good}]}
"""),
    ("spec.validation", "must not contain both CACertificateRefs and WellKnownCACertificates", """
apiVersion: gateway.networking.k8s.io/v1alpha3
kind: BackendTLSPolicy
metadata: {name: bad}
spec:
  targetRefs: [{group: "", kind: Service, name: a}]
  validation:
    hostname: a.example.com
    wellKnownCACertificates: System
    caCertificateRefs: [{group: "", kind: ConfigMap, name: c}]
"""),
    ("spec.rules[0].sessionPersistence", "AbsoluteTimeout must be specified when cookie lifetimeType is Permanent", """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bad}
spec: {rules: [{sessionPersistence: {sessionName: s, cookieConfig: {lifetimeType: Permanent}}}]}
"""),
]
