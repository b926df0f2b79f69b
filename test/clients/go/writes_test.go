package clients

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/util/retry"
)

// Typed clients as they are made by default, which since 0.32 write protobuf.
func TestLifeOfAnObject(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	wire := &recorder{}
	maps := typed(t, wire.into(inProtobuf())).CoreV1().ConfigMaps(namespace(t))
	made := must(maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "some-"}, Data: map[string]string{"a": "1"}}, metav1.CreateOptions{}))(t)
	if len(made.Name) != len("some-")+5 || made.UID == "" || made.CreationTimestamp.IsZero() {
		t.Errorf("made %v", made)
	}
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: made.Name}}, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("made twice: %v", err)
	}
	same := must(maps.Update(ctx, made, metav1.UpdateOptions{}))(t)
	if same.ResourceVersion != made.ResourceVersion {
		t.Error("an update that changes nothing changed the version")
	}
	changed := made.DeepCopy()
	changed.Data["a"] = "2"
	changed = must(maps.Update(ctx, changed, metav1.UpdateOptions{}))(t)
	stale := made.DeepCopy()
	stale.Data["a"] = "3"
	if _, err := maps.Update(ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("a stale update: %v", err)
	}
	must(maps.Update(ctx, stale, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: "x"}))
	unconditional := stale.DeepCopy()
	unconditional.ResourceVersion = ""
	latest := must(maps.Update(ctx, unconditional, metav1.UpdateOptions{}))(t)
	if err := maps.Delete(ctx, made.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &changed.ResourceVersion}}); !apierrors.IsConflict(err) {
		t.Errorf("a stale delete: %v", err)
	}
	latest.Finalizers = []string{"example.com/hold"}
	latest = must(maps.Update(ctx, latest, metav1.UpdateOptions{}))(t)
	check(t, maps.Delete(ctx, made.Name, metav1.DeleteOptions{}))
	held := must(maps.Get(ctx, made.Name, metav1.GetOptions{}))(t)
	if held.DeletionTimestamp == nil {
		t.Error("a held object is not marked")
	}
	held.Finalizers = nil
	must(maps.Update(ctx, held, metav1.UpdateOptions{}))(t)
	if _, err := maps.Get(ctx, made.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("still there: %v", err)
	}
	for _, one := range wire.exchanges() {
		if one.method == "POST" && one.sent != protobuf {
			t.Errorf("%s was sent as %s", one.uri, one.sent)
		}
	}
	if _, err := client(t).CoreV1().ConfigMaps("nowhere").Create(ctx, configMap("a", "1"), metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("in no namespace: %v", err)
	}
	_, err := maps.Create(ctx, configMap("Not A Name", "1"), metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) {
		t.Errorf("a bad name: %v", err)
	}
}

// Writers that try again on conflicts lose no update.
func TestRetryOnConflict(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	maps := client(t).CoreV1().ConfigMaps(namespace(t))
	must(maps.Create(ctx, configMap("counter", "0"), metav1.CreateOptions{}))(t)
	const writers, rounds = 6, 10
	var all sync.WaitGroup
	for range writers {
		all.Add(1)
		go func() {
			defer all.Done()
			for range rounds {
				for {
					err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
						now, err := maps.Get(ctx, "counter", metav1.GetOptions{})
						if err != nil {
							return err
						}
						value, _ := strconv.Atoi(now.Data["key"])
						now.Data["key"] = strconv.Itoa(value + 1)
						_, err = maps.Update(ctx, now, metav1.UpdateOptions{})
						return err
					})
					if err == nil {
						break
					}
					if !apierrors.IsConflict(err) {
						t.Error(err)
						return
					}
				}
			}
		}()
	}
	all.Wait()
	if final := must(maps.Get(ctx, "counter", metav1.GetOptions{}))(t); final.Data["key"] != fmt.Sprint(writers*rounds) {
		t.Errorf("counted %s", final.Data["key"])
	}
}

func newDeployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	replicas, grace := int32(0), int64(1)
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{Replicas: &replicas,
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: &grace, Containers: []corev1.Container{{Name: "main", Image: idle}}}}}}
}

func TestPatches(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	deployments := client(t).AppsV1().Deployments(namespace(t))
	must(deployments.Create(ctx, newDeployment("web"), metav1.CreateOptions{}))(t)
	patch := func(kind types.PatchType, body string, subresources ...string) *appsv1.Deployment {
		t.Helper()
		return must(deployments.Patch(ctx, "web", kind, []byte(body), metav1.PatchOptions{FieldManager: "test"}, subresources...))(t)
	}
	merged := patch(types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"1"}]},{"name":"side","image":"idle:1"}]}}}}`)
	if containers := merged.Spec.Template.Spec.Containers; len(containers) != 2 || containers[0].Image != idle && containers[1].Image != idle {
		t.Errorf("merged to %v", containers)
	}
	dropped := patch(types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"side","$patch":"delete"}]}}}}`)
	if containers := dropped.Spec.Template.Spec.Containers; len(containers) != 1 || containers[0].Env[0].Name != "A" {
		t.Errorf("dropped to %v", containers)
	}
	if got := patch(types.MergePatchType, `{"spec":{"minReadySeconds":3}}`); got.Spec.MinReadySeconds != 3 || got.Generation <= dropped.Generation {
		t.Errorf("%d seconds, generation %d after %d", got.Spec.MinReadySeconds, got.Generation, dropped.Generation)
	}
	if got := patch(types.JSONPatchType, `[{"op":"test","path":"/spec/minReadySeconds","value":3},{"op":"replace","path":"/spec/minReadySeconds","value":4}]`); got.Spec.MinReadySeconds != 4 {
		t.Error("the JSON patch did nothing")
	}
	if _, err := deployments.Patch(ctx, "web", types.JSONPatchType, []byte(`[{"op":"test","path":"/spec/minReadySeconds","value":9}]`), metav1.PatchOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("a failed test: %v", err)
	}
	if _, err := deployments.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec":{"selector":{"matchLabels":{"app":"other"}}}}`), metav1.PatchOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("a changed selector: %v", err)
	}
	status := patch(types.MergePatchType, `{"status":{"conditions":[{"type":"Odd","status":"True"}]},"spec":{"minReadySeconds":9}}`, "status")
	if status.Spec.MinReadySeconds != 4 || len(status.Status.Conditions) == 0 {
		t.Errorf("the status patch gave %v", status)
	}
}

func TestServerSideApply(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	maps, deployments := client(t).CoreV1().ConfigMaps(where), client(t).AppsV1().Deployments(where)
	mine := metav1.ApplyOptions{FieldManager: "one"}
	apply := func(value string, options metav1.ApplyOptions) (*corev1.ConfigMap, error) {
		return maps.Apply(ctx, applycore.ConfigMap("a", where).WithData(map[string]string{"key": value}), options)
	}
	made := must(apply("1", mine))(t)
	if again := must(apply("1", mine))(t); again.ResourceVersion != made.ResourceVersion {
		t.Error("the same applied again changed the version")
	}
	_, err := apply("2", metav1.ApplyOptions{FieldManager: "two"})
	cause, found := apierrors.StatusCause(err, metav1.CauseTypeFieldManagerConflict)
	if !apierrors.IsConflict(err) || !found || cause.Field != ".data.key" {
		t.Errorf("no conflict: %v, %v", err, cause)
	}
	forced := must(apply("2", metav1.ApplyOptions{FieldManager: "two", Force: true}))(t)
	extracted := must(applycore.ExtractConfigMap(forced, "two"))(t)
	if extracted.Data["key"] != "2" {
		t.Errorf("extracted %v", extracted.Data)
	}
	if rest := must(applycore.ExtractConfigMap(forced, "one"))(t); len(rest.Data) != 0 {
		t.Errorf("the first manager still owns %v", rest.Data)
	}
	must(maps.Apply(ctx, applycore.ConfigMap("a", where), metav1.ApplyOptions{FieldManager: "two"}))(t)
	if left := must(maps.Get(ctx, "a", metav1.GetOptions{}))(t); len(left.Data) != 0 {
		t.Errorf("a field that nobody owns is left: %v", left.Data)
	}

	labels := map[string]string{"app": "web"}
	container := applycore.Container().WithName("main").WithImage(idle).WithPorts(applycore.ContainerPort().WithContainerPort(80))
	config := applyapps.Deployment("web", where).WithSpec(applyapps.DeploymentSpec().WithReplicas(0).
		WithSelector(applymeta.LabelSelector().WithMatchLabels(labels)).
		WithTemplate(applycore.PodTemplateSpec().WithLabels(labels).WithSpec(applycore.PodSpec().WithContainers(container))))
	first := must(deployments.Apply(ctx, config, mine))(t)
	side := applyapps.Deployment("web", where).WithSpec(applyapps.DeploymentSpec().WithTemplate(applycore.PodTemplateSpec().
		WithSpec(applycore.PodSpec().WithContainers(applycore.Container().WithName("side").WithImage(idle)))))
	if both := must(deployments.Apply(ctx, side, metav1.ApplyOptions{FieldManager: "injector"}))(t); len(both.Spec.Template.Spec.Containers) != 2 {
		t.Errorf("applied to %v", both.Spec.Template.Spec.Containers)
	}
	read := must(deployments.Get(ctx, "web", metav1.GetOptions{}))(t)
	back := must(applyapps.ExtractDeployment(read, "one"))(t)
	if len(back.Spec.Template.Spec.Containers) != 1 || *back.Spec.Template.Spec.Containers[0].Image != idle {
		t.Errorf("extracted %v", back.Spec.Template.Spec.Containers)
	}
	conditions := applyapps.Deployment("web", where).WithStatus(applyapps.DeploymentStatus().
		WithConditions(applyapps.DeploymentCondition().WithType("Odd").WithStatus(corev1.ConditionTrue)))
	if got := must(deployments.ApplyStatus(ctx, conditions, mine))(t); got.Generation != first.Generation+1 {
		t.Errorf("generation %d after %d", got.Generation, first.Generation)
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	must(client(t).AppsV1().Deployments(where).Create(ctx, newDeployment("web"), metav1.CreateOptions{}))(t)
	found := must(discovery.NewDiscoveryClientForConfig(base))(t)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	scales := must(scale.NewForConfig(base, mapper, dynamicPath, scale.NewDiscoveryScaleKindResolver(found)))(t).Scales(where)
	group := appsv1.Resource("deployments")
	check(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		now, err := scales.Get(ctx, group, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		now.Spec.Replicas = 2
		_, err = scales.Update(ctx, group, now, metav1.UpdateOptions{})
		return err
	}))
	eventually(t, "two replicas run", func() bool {
		now, err := client(t).AppsV1().Deployments(where).GetScale(ctx, "web", metav1.GetOptions{})
		return err == nil && now.Status.Replicas == 2 && now.Status.Selector == "app=web"
	})
	must(client(t).AppsV1().Deployments(where).UpdateScale(ctx, "web",
		&autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: where}}, metav1.UpdateOptions{}))(t)
	must(scales.Patch(ctx, appsv1.SchemeGroupVersion.WithResource("deployments"), "web", types.MergePatchType,
		[]byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{}))(t)
}

// An eviction is a deletion that the budget allows, or 429 with its cause.
func TestEviction(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	api := client(t)
	web := newDeployment("web")
	*web.Spec.Replicas = 1
	must(api.AppsV1().Deployments(where).Create(ctx, web, metav1.CreateOptions{}))(t)
	one := intstr.FromInt32(1)
	must(api.PolicyV1().PodDisruptionBudgets(where).Create(ctx, &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &one, Selector: web.Spec.Selector}}, metav1.CreateOptions{}))(t)
	eventually(t, "the budget knows the pod", func() bool {
		budget, err := api.PolicyV1().PodDisruptionBudgets(where).Get(ctx, "web", metav1.GetOptions{})
		return err == nil && budget.Status.CurrentHealthy == 1 && budget.Status.ObservedGeneration == budget.Generation
	})
	pod := must(api.CoreV1().Pods(where).List(ctx, metav1.ListOptions{LabelSelector: "app=web"}))(t).Items[0].Name
	evict := func() error {
		return api.CoreV1().Pods(where).EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod, Namespace: where}})
	}
	if err := evict(); !apierrors.IsTooManyRequests(err) || !apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause) {
		t.Errorf("the budget was not kept: %v", err)
	}
	check(t, api.PolicyV1().PodDisruptionBudgets(where).Delete(ctx, "web", metav1.DeleteOptions{}))
	check(t, evict())
	eventually(t, "the pod is gone", func() bool {
		_, err := api.CoreV1().Pods(where).Get(context.Background(), pod, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}
