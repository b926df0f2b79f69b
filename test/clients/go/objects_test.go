package clients

import (
	"encoding/json"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

// podTemplate uses fields of every shape: quantities, numbers or names, inlined structs, durations, maps, bytes.
func podTemplate(labels map[string]string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"note": "ünïcode\n"}},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"never": "there"},
			// Else each pod has a token volume of another name.
			AutomountServiceAccountToken: ptr.To(false),
			InitContainers:               []corev1.Container{{Name: "first", Image: idle, RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways)}},
			Containers: []corev1.Container{{
				Name: "main", Image: idle, Command: []string{"sleep", "1000"},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
				Env: []corev1.EnvVar{
					{Name: "PLAIN", Value: "x"},
					{Name: "FIELD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
					{Name: "PART", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{
						Resource: "limits.cpu", Divisor: resource.MustParse("1m")}}},
				},
				EnvFrom: []corev1.EnvFromSource{{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Optional: ptr.To(false)}}},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{"cpu": resource.MustParse("250m"), "memory": resource.MustParse("64Mi")},
					Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("1Gi")},
				},
				ReadinessProbe: &corev1.Probe{PeriodSeconds: 3, ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
					Path: "/ready", Port: intstr.FromString("http"), HTTPHeaders: []corev1.HTTPHeader{{Name: "A", Value: "b"}}}}},
				LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8080)}}},
				Lifecycle:     &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}},
				SecurityContext: &corev1.SecurityContext{RunAsUser: ptr.To[int64](0), ReadOnlyRootFilesystem: ptr.To(false),
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
				VolumeMounts: []corev1.VolumeMount{{Name: "empty", MountPath: "/empty"}, {Name: "all", MountPath: "/all", ReadOnly: true}},
			}},
			Volumes: []corev1.Volume{
				{Name: "empty", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: ptr.To(resource.MustParse("1.5Gi"))}}},
				{Name: "all", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
					{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: ptr.To[int64](3600)}},
					{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{
						{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}}}}},
				}}}},
			},
			Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{
				PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{Weight: 5, PodAffinityTerm: corev1.PodAffinityTerm{
					TopologyKey: "zone", LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
						{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"a", "b"}}}}}}}}},
			Tolerations: []corev1.Toleration{{Key: "k", Operator: corev1.TolerationOpExists, TolerationSeconds: ptr.To[int64](30)}},
			TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "zone",
				WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: &metav1.LabelSelector{MatchLabels: labels}}},
		},
	}
}

// objects are one of many kinds, by the resource that takes them.
func objects(suffix string) map[string]runtime.Object {
	labels := map[string]string{"app": "web"}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	alone := map[string]string{"app": "alone"} // no Deployment selects these
	meta := metav1.ObjectMeta{Name: "made-" + suffix, Labels: labels}
	moment := metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC))
	second := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	job := batchv1.JobSpec{Suspend: ptr.To(true), BackoffLimit: ptr.To[int32](2), Template: podTemplate(nil)}
	job.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod := podTemplate(labels)
	mode := discoveryv1.AddressTypeIPv4
	return map[string]runtime.Object{
		"configmaps": &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"a": "", "b": "x\ty"},
			BinaryData: map[string][]byte{"bin": {0, 1, 254, 255}}, Immutable: ptr.To(false)},
		"secrets": &corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"p": {0xff, 0}}},
		"services": &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{
			{Name: "a", Port: 80, TargetPort: intstr.FromString("http")}, {Name: "b", Port: 81, TargetPort: intstr.FromInt32(8081)}}}},
		"pods":            &corev1.Pod{ObjectMeta: meta, Spec: pod.Spec},
		"serviceaccounts": &corev1.ServiceAccount{ObjectMeta: meta, AutomountServiceAccountToken: ptr.To(false)},
		"resourcequotas":  &corev1.ResourceQuota{ObjectMeta: meta, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": resource.MustParse("1k")}}},
		"limitranges":     &corev1.LimitRange{ObjectMeta: meta, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypePod, Max: corev1.ResourceList{"cpu": resource.MustParse("2")}}}}},
		"persistentvolumeclaims": &corev1.PersistentVolumeClaim{ObjectMeta: meta, Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("3Gi")}}}},
		"events": &corev1.Event{ObjectMeta: meta, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "x"}, Reason: "R", Message: "m",
			Type: "Normal", FirstTimestamp: second, LastTimestamp: second, Count: 3, EventTime: moment, Action: "a",
			ReportingController: "example.com/c", ReportingInstance: "c-1", Series: &corev1.EventSeries{Count: 3, LastObservedTime: moment}},
		"deployments": &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](0), Selector: selector,
			Template: podTemplate(labels), Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxSurge: ptr.To(intstr.FromString("30%")), MaxUnavailable: ptr.To(intstr.FromInt32(0))}}}},
		"replicasets":  &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: meta.Name, Labels: alone}, Spec: appsv1.ReplicaSetSpec{Replicas: ptr.To[int32](0), Selector: &metav1.LabelSelector{MatchLabels: alone}, Template: podTemplate(alone)}},
		"statefulsets": &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: ptr.To[int32](0), ServiceName: "web", Selector: selector, Template: podTemplate(labels)}},
		"daemonsets":   &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: podTemplate(labels)}},
		"jobs":         &batchv1.Job{ObjectMeta: meta, Spec: job},
		"cronjobs":     &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{Schedule: "0 3 * * *", TimeZone: ptr.To("Etc/UTC"), JobTemplate: batchv1.JobTemplateSpec{Spec: job}}},
		"leases":       &coordinationv1.Lease{ObjectMeta: meta, Spec: coordinationv1.LeaseSpec{HolderIdentity: ptr.To("me"), LeaseDurationSeconds: ptr.To[int32](15), RenewTime: &moment}},
		"endpointslices": &discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: mode, Ports: []discoveryv1.EndpointPort{{Name: ptr.To(""), Port: ptr.To[int32](80), Protocol: ptr.To(corev1.ProtocolTCP)}},
			Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(false)}}}},
		"ingresses": &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Name: "http"}}}}},
		"networkpolicies": &networkingv1.NetworkPolicy{ObjectMeta: meta, Spec: networkingv1.NetworkPolicySpec{
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{Ports: []networkingv1.NetworkPolicyPort{{Port: ptr.To(intstr.FromInt32(80)), EndPort: ptr.To[int32](90), Protocol: ptr.To(corev1.ProtocolTCP)}}}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}}},
		"poddisruptionbudgets": &policyv1.PodDisruptionBudget{ObjectMeta: meta, Spec: policyv1.PodDisruptionBudgetSpec{Selector: selector, MaxUnavailable: ptr.To(intstr.FromString("10%"))}},
		"horizontalpodautoscalers": &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			MaxReplicas: 3, MinReplicas: ptr.To[int32](1), ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
			Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu",
				Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr.To[int32](50)}}}}}},
		"roles":           &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}, ResourceNames: []string{"x"}}}},
		"rolebindings":    &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name}, Subjects: []rbacv1.Subject{{Kind: "Group", APIGroup: rbacv1.GroupName, Name: "g"}}},
		"clusterroles":    &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/healthz"}, Verbs: []string{"get"}}}},
		"priorityclasses": &schedulingv1.PriorityClass{ObjectMeta: meta, Value: -5, Description: "d"},
		"storageclasses":  &storagev1.StorageClass{ObjectMeta: meta, Provisioner: "example.com/none", Parameters: map[string]string{"a": "b"}},
		"ingressclasses":  &networkingv1.IngressClass{ObjectMeta: meta, Spec: networkingv1.IngressClassSpec{Controller: "example.com/c"}},
		"persistentvolumes": &corev1.PersistentVolume{ObjectMeta: meta, Spec: corev1.PersistentVolumeSpec{Capacity: corev1.ResourceList{"storage": resource.MustParse("1Gi")},
			AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/data", Type: ptr.To(corev1.HostPathUnset)}}}},
		"validatingwebhookconfigurations": &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: meta, Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "never.example.com", AdmissionReviewVersions: []string{"v1"}, SideEffects: ptr.To(admissionv1.SideEffectClassNone),
			ClientConfig: admissionv1.WebhookClientConfig{URL: ptr.To("https://127.0.0.1:1/x"), CABundle: []byte("none")}}}},
	}
}

// clusterWide are the resources of objects() without a namespace.
var clusterWide = map[string]bool{"clusterroles": true, "priorityclasses": true, "storageclasses": true, "ingressclasses": true,
	"persistentvolumes": true, "validatingwebhookconfigurations": true}

// clientFor is a REST client of the group and version that an object is of.
func clientFor(t testing.TB, config *rest.Config, object runtime.Object) rest.Interface {
	kinds, _, err := scheme.Scheme.ObjectKinds(object)
	check(t, err)
	config = rest.CopyConfig(config)
	version := kinds[0].GroupVersion()
	config.GroupVersion = &version
	config.APIPath = "/apis"
	if version.Group == "" {
		config.APIPath = "/api"
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return must(rest.RESTClientFor(config))(t)
}

// Every kind is written in protobuf and read in protobuf and in JSON: what comes back is what was sent and the same both ways.
func TestEveryKindInProtobuf(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	wire := &recorder{}
	for plural, object := range objects("p" + where) {
		t.Run(plural, func(t *testing.T) {
			binary, plain := clientFor(t, wire.into(inProtobuf()), object), clientFor(t, inJSON(), object)
			empty := func() runtime.Object {
				kinds, _, _ := scheme.Scheme.ObjectKinds(object)
				return must(scheme.Scheme.New(kinds[0]))(t)
			}
			at := func(request *rest.Request) *rest.Request {
				return request.NamespaceIfScoped(where, !clusterWide[plural]).Resource(plural)
			}
			made, read, other, whole := empty(), empty(), empty(), empty()
			check(t, at(binary.Post()).Body(object).Do(ctx).Into(made))
			name := made.(metav1.Object).GetName()
			eventually(t, "no controller writes between the two reads", func() bool {
				read, other = empty(), empty()
				check(t, at(binary.Get()).Name(name).Do(ctx).Into(read))
				check(t, at(plain.Get()).Name(name).Do(ctx).Into(other))
				return read.(metav1.Object).GetResourceVersion() == other.(metav1.Object).GetResourceVersion()
			})
			if !equality.Semantic.DeepEqual(read, other) {
				t.Errorf("protobuf and JSON differ:\n%s\n%s", text(read), text(other))
			}
			// The same written in JSON: defaults and all else must come out alike.
			twin := object.DeepCopyObject()
			twin.(metav1.Object).SetName(name + "-json")
			if plural != "services" {
				check(t, at(plain.Post()).Body(twin).Do(ctx).Into(whole))
				for _, one := range []runtime.Object{read, whole} {
					one.(metav1.Object).SetUID("")
					one.(metav1.Object).SetResourceVersion("")
					one.(metav1.Object).SetManagedFields(nil)
					one.(metav1.Object).SetCreationTimestamp(metav1.Time{})
					one.(metav1.Object).SetName("")
					one.(metav1.Object).SetGenerateName("")
				}
				settle(read)
				settle(whole)
				if !equality.Semantic.DeepEqual(read, whole) {
					t.Errorf("written in protobuf and in JSON differ:\n%s\n%s", text(read), text(whole))
				}
			}
			check(t, at(binary.Delete()).Name(name).Body(&metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}).Do(ctx).Error())
			if clusterWide[plural] {
				check(t, at(plain.Delete()).Name(name+"-json").Do(ctx).Error())
			}
		})
	}
	for _, one := range wire.exchanges() {
		if one.received != protobuf {
			t.Fatalf("%s %s was answered with %s", one.method, one.uri, one.received)
		}
	}
}

func text(object runtime.Object) string {
	shown, err := json.Marshal(object)
	if err != nil {
		return err.Error()
	}
	return string(shown)
}

// settle takes off what controllers of the cluster add as time goes by.
func settle(object runtime.Object) {
	switch of := object.(type) {
	case *corev1.Pod:
		of.Status = corev1.PodStatus{}
	case *corev1.PersistentVolume:
		of.Status = corev1.PersistentVolumeStatus{}
	case *appsv1.Deployment:
		of.Status, of.Annotations = appsv1.DeploymentStatus{}, nil
	case *appsv1.ReplicaSet:
		of.Status = appsv1.ReplicaSetStatus{}
	case *appsv1.DaemonSet:
		of.Status = appsv1.DaemonSetStatus{}
	case *appsv1.StatefulSet:
		of.Status = appsv1.StatefulSetStatus{}
	case *batchv1.Job:
		// Each job has its own uid in selector and labels.
		of.Status, of.Spec.Selector, of.Spec.Template.Labels = batchv1.JobStatus{}, nil, nil
	case *policyv1.PodDisruptionBudget:
		of.Status = policyv1.PodDisruptionBudgetStatus{}
	}
}
