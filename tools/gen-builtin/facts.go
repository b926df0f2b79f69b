package main

// The packages, with the kinds (and the bodies of subresources) to write.
var sources = []pkg{
	{name: "meta/v1", path: "k8s.io/apimachinery/pkg/apis/meta/v1", roots: []string{
		"ObjectMeta", "ListMeta", "DeleteOptions", "LabelSelector", "Condition", "Status", "PartialObjectMetadata",
		"PartialObjectMetadataList", "List", "APIGroup", "APIGroupList", "APIResourceList", "APIVersions"}},
	{name: "core/v1", path: "k8s.io/api/core/v1", roots: []string{
		"Namespace", "Pod", "Service", "Endpoints", "ConfigMap", "Secret", "ServiceAccount", "Event", "Node",
		"ReplicationController", "PodTemplate", "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota",
		"LimitRange", "Binding"}},
	{name: "apps/v1", group: "apps", path: "k8s.io/api/apps/v1", roots: []string{
		"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ControllerRevision"}},
	{name: "batch/v1", group: "batch", path: "k8s.io/api/batch/v1", roots: []string{"Job", "CronJob"}},
	{name: "discovery/v1", group: "discovery.k8s.io", path: "k8s.io/api/discovery/v1", roots: []string{"EndpointSlice"}},
	{name: "coordination/v1", group: "coordination.k8s.io", path: "k8s.io/api/coordination/v1", roots: []string{"Lease"}},
	{name: "events/v1", group: "events.k8s.io", path: "k8s.io/api/events/v1", roots: []string{"Event"}},
	{name: "rbac/v1", group: "rbac.authorization.k8s.io", path: "k8s.io/api/rbac/v1", roots: []string{
		"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}},
	{name: "authentication/v1", group: "authentication.k8s.io", path: "k8s.io/api/authentication/v1", roots: []string{
		"TokenReview", "TokenRequest", "SelfSubjectReview"}},
	{name: "authorization/v1", group: "authorization.k8s.io", path: "k8s.io/api/authorization/v1", roots: []string{
		"SubjectAccessReview", "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview"}},
	{name: "apiextensions/v1", group: "apiextensions.k8s.io", path: "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1",
		roots: []string{"CustomResourceDefinition"}},
	{name: "apiregistration/v1", group: "apiregistration.k8s.io", path: "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1",
		roots: []string{"APIService"}},
	{name: "admissionregistration/v1", group: "admissionregistration.k8s.io", path: "k8s.io/api/admissionregistration/v1",
		roots: []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}},
	{name: "networking/v1", group: "networking.k8s.io", path: "k8s.io/api/networking/v1", roots: []string{
		"Ingress", "IngressClass", "NetworkPolicy"}},
	{name: "policy/v1", group: "policy", path: "k8s.io/api/policy/v1", roots: []string{"PodDisruptionBudget", "Eviction"}},
	{name: "autoscaling/v1", group: "autoscaling", path: "k8s.io/api/autoscaling/v1", roots: []string{"HorizontalPodAutoscaler", "Scale"}},
	{name: "autoscaling/v2", group: "autoscaling", path: "k8s.io/api/autoscaling/v2", roots: []string{"HorizontalPodAutoscaler"}},
	{name: "scheduling/v1", group: "scheduling.k8s.io", path: "k8s.io/api/scheduling/v1", roots: []string{"PriorityClass"}},
	{name: "storage/v1", group: "storage.k8s.io", path: "k8s.io/api/storage/v1", roots: []string{"StorageClass"}},
	{name: "certificates/v1", group: "certificates.k8s.io", path: "k8s.io/api/certificates/v1", roots: []string{
		"CertificateSigningRequest"}},
}

// Go types that the tables know by a word of their own.
var specialTypes = map[string]string{
	"Time": "Time", "MicroTime": "MicroTime", "Duration": "Duration", "FieldsV1": "FieldsV1",
	"ExtraValue": "ItemList", "Verbs": "ItemList", "JSON": "JSON", "JSONSchemaPropsOrBool": "SchemaOrBool",
	"JSONSchemaPropsOrArray": "SchemaOrArray", "JSONSchemaPropsOrStringArray": "SchemaOrStrings",
}

// Flags that the types do not carry: defaults that Kubernetes sets in code and that depend on nothing else, and
// lists that may be left out although Go always writes them ("optional").
var fieldFacts = map[string]string{
	"core/v1.HTTPHeader.value":                                            `default=""`,
	"core/v1.Sysctl.value":                                                `default=""`,
	"meta/v1.Condition.message":                                           `default=""`,
	"core/v1.ReplicationControllerSpec.template":                          "required",
	"core/v1.PodSpec.enableServiceLinks":                                  "default=true",
	"core/v1.PodSpec.terminationGracePeriodSeconds":                       "default=30 min=0",
	"core/v1.ReplicationControllerSpec.replicas":                          "default=1 min=0",
	"core/v1.ReplicationControllerSpec.minReadySeconds":                   "min=0",
	"core/v1.Probe.initialDelaySeconds":                                   "min=0",
	"apps/v1.DeploymentSpec.replicas":                                     "default=1 min=0",
	"apps/v1.DeploymentSpec.minReadySeconds":                              "min=0",
	"apps/v1.DeploymentSpec.revisionHistoryLimit":                         "default=10 min=0",
	"apps/v1.DeploymentSpec.progressDeadlineSeconds":                      "default=600 min=0",
	"apps/v1.DeploymentSpec.selector":                                     "required",
	"apps/v1.ReplicaSetSpec.replicas":                                     "default=1 min=0",
	"apps/v1.ReplicaSetSpec.minReadySeconds":                              "min=0",
	"apps/v1.ReplicaSetSpec.selector":                                     "required",
	"apps/v1.StatefulSetSpec.replicas":                                    "default=1 min=0",
	"apps/v1.StatefulSetSpec.minReadySeconds":                             "min=0",
	"apps/v1.StatefulSetSpec.selector":                                    "required",
	"apps/v1.DaemonSetSpec.minReadySeconds":                               "min=0",
	"apps/v1.DaemonSetSpec.selector":                                      "required",
	"apps/v1.ControllerRevision.revision":                                 "required min=0",
	"batch/v1.JobSpec.parallelism":                                        "min=0",
	"batch/v1.JobSpec.completions":                                        "min=0",
	"batch/v1.JobSpec.backoffLimit":                                       "min=0",
	"batch/v1.JobSpec.activeDeadlineSeconds":                              "min=0",
	"batch/v1.JobSpec.ttlSecondsAfterFinished":                            "min=0",
	"autoscaling/v1.ScaleSpec.replicas":                                   "min=0",
	"discovery/v1.EndpointSlice.addressType":                              "required enum=FQDN|IPv4|IPv6",
	"networking/v1.NetworkPolicySpec.podSelector":                         "default={}",
	"autoscaling/v1.HorizontalPodAutoscalerSpec.maxReplicas":              "required min=1",
	"autoscaling/v2.HorizontalPodAutoscalerSpec.maxReplicas":              "required min=1",
	"core/v1.PodSpec.restartPolicy":                                       "default=Always",
	"core/v1.PodSpec.dnsPolicy":                                           "default=ClusterFirst",
	"core/v1.PodSpec.schedulerName":                                       "default=default-scheduler",
	"core/v1.PodSpec.securityContext":                                     "default={}",
	"core/v1.Container.resources":                                         "default={}",
	"core/v1.Container.terminationMessagePath":                            "default=/dev/termination-log",
	"core/v1.Container.terminationMessagePolicy":                          "default=File",
	"core/v1.EphemeralContainerCommon.terminationMessagePath":             "default=/dev/termination-log",
	"core/v1.EphemeralContainerCommon.terminationMessagePolicy":           "default=File",
	"core/v1.Probe.timeoutSeconds":                                        "default=1",
	"core/v1.Probe.periodSeconds":                                         "default=10",
	"core/v1.Probe.successThreshold":                                      "default=1",
	"core/v1.Probe.failureThreshold":                                      "default=3",
	"core/v1.HTTPGetAction.path":                                          "default=/",
	"core/v1.HTTPGetAction.scheme":                                        "default=HTTP",
	"core/v1.ObjectFieldSelector.apiVersion":                              "default=v1",
	"core/v1.ServicePort.protocol":                                        "default=TCP",
	"core/v1.EndpointPort.protocol":                                       "default=TCP",
	"core/v1.ServiceSpec.sessionAffinity":                                 "default=None",
	"core/v1.ServiceSpec.type":                                            "default=ClusterIP",
	"core/v1.ServiceStatus.loadBalancer":                                  "default={}",
	"core/v1.SecretVolumeSource.defaultMode":                              "default=420",
	"core/v1.ConfigMapVolumeSource.defaultMode":                           "default=420",
	"core/v1.DownwardAPIVolumeSource.defaultMode":                         "default=420",
	"core/v1.ProjectedVolumeSource.defaultMode":                           "default=420",
	"core/v1.ServiceAccountTokenProjection.expirationSeconds":             "default=3600",
	"core/v1.HostPathVolumeSource.type":                                   "default=\"\"",
	"core/v1.Secret.type":                                                 "default=Opaque",
	"core/v1.PersistentVolumeSpec.persistentVolumeReclaimPolicy":          "default=Retain",
	"core/v1.PersistentVolumeSpec.volumeMode":                             "default=Filesystem",
	"core/v1.PersistentVolumeClaimSpec.volumeMode":                        "default=Filesystem",
	"core/v1.PersistentVolumeStatus.phase":                                "default=Pending",
	"core/v1.PersistentVolumeClaimStatus.phase":                           "default=Pending",
	"core/v1.NamespaceStatus.phase":                                       "default=Active",
	"core/v1.PodStatus.phase":                                             "default=Pending",
	"core/v1.ContainerStatus.state":                                       "default={}",
	"core/v1.ContainerStatus.lastState":                                   "default={}",
	"apps/v1.DeploymentSpec.strategy":                                     "default={}",
	"apps/v1.DeploymentStrategy.type":                                     "default=RollingUpdate",
	"apps/v1.RollingUpdateDeployment.maxSurge":                            "default=25%",
	"apps/v1.RollingUpdateDeployment.maxUnavailable":                      "default=25%",
	"apps/v1.ReplicaSetSpec.template":                                     "default={}",
	"apps/v1.StatefulSetSpec.serviceName":                                 "default=\"\"",
	"apps/v1.StatefulSetSpec.revisionHistoryLimit":                        "default=10",
	"apps/v1.StatefulSetSpec.podManagementPolicy":                         "default=OrderedReady",
	"apps/v1.StatefulSetSpec.updateStrategy":                              "default={}",
	"apps/v1.StatefulSetUpdateStrategy.type":                              "default=RollingUpdate",
	"apps/v1.RollingUpdateStatefulSetStrategy.partition":                  "default=0",
	"apps/v1.StatefulSetSpec.persistentVolumeClaimRetentionPolicy":        "default={}",
	"apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy.whenDeleted": "default=Retain",
	"apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy.whenScaled":  "default=Retain",
	"apps/v1.DaemonSetSpec.revisionHistoryLimit":                          "default=10",
	"apps/v1.DaemonSetSpec.updateStrategy":                                "default={}",
	"apps/v1.DaemonSetUpdateStrategy.type":                                "default=RollingUpdate",
	"apps/v1.RollingUpdateDaemonSet.maxUnavailable":                       "default=1",
	"apps/v1.RollingUpdateDaemonSet.maxSurge":                             "default=0",
	"batch/v1.CronJobSpec.concurrencyPolicy":                              "default=Allow",
	"batch/v1.CronJobSpec.suspend":                                        "default=false",
	"batch/v1.CronJobSpec.successfulJobsHistoryLimit":                     "default=3",
	"batch/v1.CronJobSpec.failedJobsHistoryLimit":                         "default=1",
	"discovery/v1.EndpointSlice.endpoints":                                "optional",
	"discovery/v1.EndpointPort.name":                                      "default=\"\"",
	"discovery/v1.EndpointPort.protocol":                                  "default=TCP",
	"rbac/v1.Role.rules":                                                  "optional",
	"rbac/v1.ClusterRole.rules":                                           "optional",
	"rbac/v1.RoleRef.apiGroup":                                            "default=rbac.authorization.k8s.io",
	"authentication/v1.TokenRequestSpec.expirationSeconds":                "default=3600",
	"authentication/v1.TokenRequestSpec.audiences":                        "optional",
	"apiextensions/v1.CustomResourceDefinitionSpec.conversion":            "default={\"strategy\":\"None\"}",
	"apiextensions/v1.ServiceReference.port":                              "default=443",
	"apiregistration/v1.ServiceReference.port":                            "default=443",
	"admissionregistration/v1.ServiceReference.port":                      "default=443",
	"admissionregistration/v1.ValidatingWebhook.failurePolicy":            "default=Fail",
	"admissionregistration/v1.ValidatingWebhook.matchPolicy":              "default=Equivalent",
	"admissionregistration/v1.ValidatingWebhook.namespaceSelector":        "default={}",
	"admissionregistration/v1.ValidatingWebhook.objectSelector":           "default={}",
	"admissionregistration/v1.ValidatingWebhook.timeoutSeconds":           "default=10",
	"admissionregistration/v1.MutatingWebhook.failurePolicy":              "default=Fail",
	"admissionregistration/v1.MutatingWebhook.matchPolicy":                "default=Equivalent",
	"admissionregistration/v1.MutatingWebhook.namespaceSelector":          "default={}",
	"admissionregistration/v1.MutatingWebhook.objectSelector":             "default={}",
	"admissionregistration/v1.MutatingWebhook.timeoutSeconds":             "default=10",
	"admissionregistration/v1.MutatingWebhook.reinvocationPolicy":         "default=Never",
	"admissionregistration/v1.Rule.scope":                                 "default=*",
	"networking/v1.IngressClassParametersReference.scope":                 "default=Cluster",
	"networking/v1.NetworkPolicyPort.protocol":                            "default=TCP",
	"autoscaling/v1.HorizontalPodAutoscalerSpec.minReplicas":              "default=1",
	"autoscaling/v2.HorizontalPodAutoscalerSpec.minReplicas":              "default=1",
	"autoscaling/v2.HorizontalPodAutoscalerStatus.currentMetrics":         "optional",
	"scheduling/v1.PriorityClass.preemptionPolicy":                        "default=PreemptLowerPriority",
	"storage/v1.StorageClass.reclaimPolicy":                               "default=Delete",
	"storage/v1.StorageClass.volumeBindingMode":                           "default=Immediate",
}

// The resources of each package, in the words of the tables.
var resourceFacts = map[string]string{
	"core/v1": `
resource bindings Binding namespaced verbs=create
resource configmaps ConfigMap namespaced short=cm
  column Data integer .data
resource endpoints Endpoints namespaced short=ep
resource events Event namespaced short=ev
  select involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason reportingComponent source type
  column "Last Seen" date .lastTimestamp
  column Type string .type
  column Reason string .reason
  column Object string .involvedObject.name
  column Message string .message
resource limitranges LimitRange namespaced short=limits
resource namespaces Namespace cluster short=ns subresources=status,finalize
  select status.phase
  column Status string .status.phase
resource nodes Node cluster short=no subresources=status,proxy
  select spec.unschedulable
  column Version string .status.nodeInfo.kubeletVersion
resource persistentvolumeclaims PersistentVolumeClaim namespaced short=pvc subresources=status
  column Status string .status.phase
  column Volume string .spec.volumeName
  column StorageClass string .spec.storageClassName
resource persistentvolumes PersistentVolume cluster short=pv subresources=status
  column Status string .status.phase
  column Claim string .spec.claimRef.name
  column StorageClass string .spec.storageClassName
resource pods Pod namespaced short=po categories=all subresources=status,log,binding,eviction,exec,attach,portforward,ephemeralcontainers,resize,proxy generation=yes
  select spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork status.phase status.podIP status.podIPs status.nominatedNodeName
  column Status string .status.phase
  column IP string .status.podIP priority=1
  column Node string .spec.nodeName priority=1
resource podtemplates PodTemplate namespaced
resource replicationcontrollers ReplicationController namespaced short=rc categories=all subresources=status scale=.spec.replicas,.status.replicas,.spec.selector generation=yes
  select status.replicas
  column Desired integer .spec.replicas
  column Current integer .status.replicas
  column Ready integer .status.readyReplicas
resource resourcequotas ResourceQuota namespaced short=quota subresources=status
resource secrets Secret namespaced
  select type
  column Type string .type
resource serviceaccounts ServiceAccount namespaced short=sa subresources=token
resource services Service namespaced short=svc categories=all subresources=status,proxy
  select spec.clusterIP spec.type
  column Type string .spec.type
  column Cluster-IP string .spec.clusterIP
`,
	"apps/v1": `
resource controllerrevisions ControllerRevision namespaced
  column Revision integer .revision
resource daemonsets DaemonSet namespaced short=ds categories=all subresources=status generation=yes
  column Desired integer .status.desiredNumberScheduled
  column Current integer .status.currentNumberScheduled
  column Ready integer .status.numberReady
  column Up-to-date integer .status.updatedNumberScheduled
  column Available integer .status.numberAvailable
resource deployments Deployment namespaced short=deploy categories=all subresources=status scale=.spec.replicas,.status.replicas,.spec.selector generation=yes
  column Up-to-date integer .status.updatedReplicas
  column Available integer .status.availableReplicas
resource replicasets ReplicaSet namespaced short=rs categories=all subresources=status scale=.spec.replicas,.status.replicas,.spec.selector generation=yes
  select status.replicas
  column Desired integer .spec.replicas
  column Current integer .status.replicas
  column Ready integer .status.readyReplicas
resource statefulsets StatefulSet namespaced short=sts categories=all subresources=status scale=.spec.replicas,.status.replicas,.spec.selector generation=yes
`,
	"batch/v1": `
resource cronjobs CronJob namespaced short=cj categories=all subresources=status generation=yes
  column Schedule string .spec.schedule
  column Suspend boolean .spec.suspend
  column "Last Schedule" date .status.lastScheduleTime
resource jobs Job namespaced categories=all subresources=status generation=yes
  select status.successful
`,
	"discovery/v1": `
resource endpointslices EndpointSlice namespaced generation=yes
  column AddressType string .addressType
`,
	"coordination/v1": `
resource leases Lease namespaced
  column Holder string .spec.holderIdentity
`,
	"events/v1": `
resource events Event namespaced short=ev
  select regarding.kind regarding.namespace regarding.name regarding.uid reason reportingController type
  column Type string .type
  column Reason string .reason
  column Object string .regarding.name
  column Message string .note
`,
	"rbac/v1": `
resource clusterrolebindings ClusterRoleBinding cluster
  column Role string .roleRef.name
resource clusterroles ClusterRole cluster
resource rolebindings RoleBinding namespaced
  column Role string .roleRef.name
resource roles Role namespaced
`,
	"authentication/v1": `
resource selfsubjectreviews SelfSubjectReview cluster verbs=create
resource tokenreviews TokenReview cluster verbs=create
`,
	"authorization/v1": `
resource localsubjectaccessreviews LocalSubjectAccessReview namespaced verbs=create
resource selfsubjectaccessreviews SelfSubjectAccessReview cluster verbs=create
resource selfsubjectrulesreviews SelfSubjectRulesReview cluster verbs=create
resource subjectaccessreviews SubjectAccessReview cluster verbs=create
`,
	"apiextensions/v1": `
resource customresourcedefinitions CustomResourceDefinition cluster short=crd,crds categories=api-extensions subresources=status generation=yes
  column "Created At" date .metadata.creationTimestamp
`,
	"apiregistration/v1": `
resource apiservices APIService cluster categories=api-extensions subresources=status
  column Service string .spec.service.name
`,
	"admissionregistration/v1": `
resource mutatingwebhookconfigurations MutatingWebhookConfiguration cluster categories=api-extensions generation=yes
resource validatingwebhookconfigurations ValidatingWebhookConfiguration cluster categories=api-extensions generation=yes
`,
	"networking/v1": `
resource ingressclasses IngressClass cluster generation=yes
  column Controller string .spec.controller
resource ingresses Ingress namespaced short=ing subresources=status generation=yes
  column Class string .spec.ingressClassName
resource networkpolicies NetworkPolicy namespaced short=netpol generation=yes
`,
	"policy/v1": `
resource poddisruptionbudgets PodDisruptionBudget namespaced short=pdb subresources=status generation=yes
  column "Min Available" string .spec.minAvailable
  column "Max Unavailable" string .spec.maxUnavailable
  column "Allowed Disruptions" integer .status.disruptionsAllowed
`,
	"autoscaling/v1": `
resource horizontalpodautoscalers HorizontalPodAutoscaler namespaced short=hpa categories=all subresources=status
`,
	"autoscaling/v2": `
resource horizontalpodautoscalers HorizontalPodAutoscaler namespaced short=hpa categories=all subresources=status
  column MinPods integer .spec.minReplicas
  column MaxPods integer .spec.maxReplicas
  column Replicas integer .status.currentReplicas
`,
	"scheduling/v1": `
resource priorityclasses PriorityClass cluster short=pc generation=yes
  column Value integer .value
  column Global-Default boolean .globalDefault
`,
	"storage/v1": `
resource storageclasses StorageClass cluster short=sc
  column Provisioner string .provisioner
  column ReclaimPolicy string .reclaimPolicy
  column VolumeBindingMode string .volumeBindingMode
`,
	"certificates/v1": `
resource certificatesigningrequests CertificateSigningRequest cluster short=csr subresources=status,approval
  select spec.signerName
  column SignerName string .spec.signerName
  column Requestor string .spec.username
`,
}

// Fields of our own.
var extraFields = map[string]string{
	"apiextensions/v1.JSONSchemaProps": "  x-serin-type 0 string",
}
