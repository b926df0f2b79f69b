package clients

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/openapi3"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
)

var dynamicPath = dynamic.LegacyAPIPathResolverFunc

// definition is a CRD with a group of its own.
func definition(group string) *apiextensionsv1.CustomResourceDefinition {
	keep := true
	return &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "gadgets." + group}, Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Group: group, Scope: apiextensionsv1.NamespaceScoped, Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "gadgets", Kind: "Gadget", ListKind: "GadgetList", Singular: "gadget"},
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true,
			Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{
				"spec":   {Type: "object", Required: []string{"color"}, Properties: map[string]apiextensionsv1.JSONSchemaProps{"color": {Type: "string"}}},
				"status": {Type: "object", XPreserveUnknownFields: &keep}}}}}}}}
}

// install makes the CRD and waits until it is established.
func install(t testing.TB, group string) schema.GroupVersionResource {
	t.Helper()
	ctx := within(t)
	api := definitions(t).ApiextensionsV1().CustomResourceDefinitions()
	must(api.Create(ctx, definition(group), metav1.CreateOptions{}))(t)
	t.Cleanup(func() {
		if err := api.Delete(context.Background(), "gadgets."+group, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	eventually(t, "the definition is established", func() bool {
		now, err := api.Get(ctx, "gadgets."+group, metav1.GetOptions{})
		return err == nil && slices.ContainsFunc(now.Status.Conditions, func(condition apiextensionsv1.CustomResourceDefinitionCondition) bool {
			return condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue
		})
	})
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: "gadgets"}
}

func gadget(group, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": group + "/v1", "kind": "Gadget",
		"metadata": map[string]any{"name": name}, "spec": map[string]any{"color": "red"}}}
}

// Discovery, mapper and OpenAPI follow a CRD as it comes and goes.
func TestDefinitionsComeAndGo(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	const group = "come.example.com"
	found := memory.NewMemCacheClient(must(discovery.NewDiscoveryClientForConfig(base))(t))
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(found)
	kind := schema.GroupKind{Group: group, Kind: "Gadget"}
	if _, err := mapper.RESTMapping(kind); !meta.IsNoMatchError(err) {
		t.Fatalf("known too early: %v", err)
	}
	resource := install(t, group)
	mapper.Reset()
	mapping := must(mapper.RESTMapping(kind, "v1"))(t)
	if mapping.Resource != resource || mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		t.Errorf("mapped to %v", mapping)
	}
	where := namespace(t)
	gadgets := dynamicClient(t).Resource(resource).Namespace(where)
	made := must(gadgets.Create(ctx, gadget(group, "a"), metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}))(t)
	odd := gadget(group, "b")
	odd.Object["spec"].(map[string]any)["colour"] = "red"
	if _, err := gadgets.Create(ctx, odd, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "spec.colour") {
		t.Errorf("an unknown field: %v", err)
	}
	bad := gadget(group, "c")
	delete(bad.Object["spec"].(map[string]any), "color")
	if _, err := gadgets.Create(ctx, bad, metav1.CreateOptions{}); !apierrors.IsInvalid(err) {
		t.Errorf("a missing field: %v", err)
	}
	check(t, unstructured.SetNestedField(made.Object, "fine", "status", "is"))
	made = must(gadgets.UpdateStatus(ctx, made, metav1.UpdateOptions{}))(t)
	if made.GetGeneration() != 1 {
		t.Errorf("a status made generation %d", made.GetGeneration())
	}
	made = must(gadgets.Apply(ctx, "a", gadget(group, "a"), metav1.ApplyOptions{FieldManager: "x", Force: true}))(t)
	must(gadgets.Patch(ctx, "a", types.MergePatchType, []byte(`{"spec":{"color":"blue"}}`), metav1.PatchOptions{}))(t)
	if _, err := gadgets.Patch(ctx, "a", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{}); !apierrors.IsUnsupportedMediaType(err) {
		t.Errorf("a strategic patch of a custom resource: %v", err)
	}
	root := openapi3.NewRoot(must(discovery.NewDiscoveryClientForConfig(base))(t).OpenAPIV3())
	document := must(root.GVSpec(resource.GroupVersion()))(t)
	if document.Paths == nil || len(document.Components.Schemas) == 0 {
		t.Error("the definition's OpenAPI is empty")
	}
	watching := must(gadgets.Watch(ctx, metav1.ListOptions{ResourceVersion: made.GetResourceVersion()}))(t)
	defer watching.Stop()
	check(t, definitions(t).ApiextensionsV1().CustomResourceDefinitions().Delete(ctx, "gadgets."+group, metav1.DeleteOptions{}))
	for event := range watching.ResultChan() {
		if event.Type == watch.Deleted {
			break
		}
	}
	eventually(t, "the group is gone", func() bool {
		mapper.Reset()
		_, err := mapper.RESTMapping(kind)
		return meta.IsNoMatchError(err)
	})
	if _, err := gadgets.List(ctx, metav1.ListOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the resource is still served: %v", err)
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	found := must(discovery.NewDiscoveryClientForConfig(base))(t)
	version := must(found.ServerVersion())(t)
	if version.Major != "1" {
		t.Errorf("version %v", version)
	}
	lists := must(found.ServerPreferredResources())(t)
	if !slices.ContainsFunc(lists, func(list *metav1.APIResourceList) bool { return list.GroupVersion == "apps/v1" }) {
		t.Error("no apps/v1")
	}
	plain := discovery.NewDiscoveryClient(found.RESTClient())
	plain.UseLegacyDiscovery = true
	_, legacy, err := plain.ServerGroupsAndResources()
	check(t, err)
	_, aggregated, err := found.ServerGroupsAndResources()
	check(t, err)
	count := func(lists []*metav1.APIResourceList) map[string]int {
		n := map[string]int{}
		for _, list := range lists {
			n[list.GroupVersion] = len(list.APIResources)
		}
		return n
	}
	one, other := count(legacy), count(aggregated)
	for group, n := range one {
		if strings.Contains(group, "example.com") {
			continue // other tests make and delete these meanwhile
		}
		if other[group] != n {
			t.Errorf("%s has %d resources in plain discovery and %d in aggregated", group, n, other[group])
		}
	}
	root := openapi3.NewRoot(found.OpenAPIV3())
	for _, group := range must(root.GroupVersions())(t) {
		if strings.Contains(group.Group, "example.com") {
			continue
		}
		document := must(root.GVSpec(group))(t)
		if document.Components == nil {
			t.Errorf("%v has an empty document", group)
		}
	}
	schemas, names := must(found.OpenAPISchema())(t), 0
	for _, named := range schemas.GetDefinitions().GetAdditionalProperties() {
		if strings.HasPrefix(named.GetName(), "io.k8s.api.") {
			names++
		}
	}
	if names < 100 {
		t.Errorf("OpenAPI v2 has %d definitions", names)
	}
}

// Of two candidates one leads; when it dies the other takes over, and at once where the first lets go.
func TestLeaderElection(t *testing.T) {
	t.Parallel()
	for _, release := range []bool{false, true} {
		t.Run(fmt.Sprint("release=", release), func(t *testing.T) {
			t.Parallel()
			where := namespace(t)
			leaders := make(chan string, 10)
			candidate := func(id string) context.CancelFunc {
				ctx, cancel := context.WithCancel(within(t))
				lock := must(resourcelock.New(resourcelock.LeasesResourceLock, where, "leader", client(t).CoreV1(), client(t).CoordinationV1(),
					resourcelock.ResourceLockConfig{Identity: id}))(t)
				go leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{Lock: lock, ReleaseOnCancel: release,
					LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 300 * time.Millisecond,
					Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { leaders <- id }, OnStoppedLeading: func() {}}})
				return cancel
			}
			next := func() string {
				select {
				case id := <-leaders:
					return id
				case <-time.After(patience):
					t.Fatal("nobody leads")
					return ""
				}
			}
			kill := map[string]context.CancelFunc{"a": candidate("a"), "b": candidate("b")}
			defer kill["a"]()
			defer kill["b"]()
			first := next()
			kill[first]()
			second := next()
			if second == first {
				t.Errorf("%s leads after its death", first)
			}
			lease := must(client(t).CoordinationV1().Leases(where).Get(within(t), "leader", metav1.GetOptions{}))(t)
			if *lease.Spec.HolderIdentity != second || *lease.Spec.LeaseTransitions < 1 {
				t.Errorf("the lease says %v", lease.Spec)
			}
		})
	}
}

// Both recorders: events of the core group, which are counted by patches, and of events.k8s.io, which become series.
func TestEvents(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	where := namespace(t)
	api := client(t)
	pod := must(api.CoreV1().Pods(where).Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{
		NodeSelector: map[string]string{"never": "there"}, Containers: []corev1.Container{{Name: "main", Image: idle}}}}, metav1.CreateOptions{}))(t)
	core := record.NewBroadcaster()
	defer core.Shutdown()
	core.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: api.CoreV1().Events("")})
	old := core.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "old"})
	for range 4 {
		old.Event(pod, corev1.EventTypeNormal, "Counted", "again")
	}
	eventually(t, "the count is 4", func() bool {
		list, err := api.CoreV1().Events(where).List(ctx, metav1.ListOptions{FieldSelector: "reason=Counted,involvedObject.name=p"})
		return err == nil && len(list.Items) == 1 && list.Items[0].Count == 4
	})
	modern := events.NewBroadcaster(&events.EventSinkImpl{Interface: api.EventsV1()})
	check(t, modern.StartRecordingToSinkWithContext(ctx))
	fresh := modern.NewRecorder(scheme.Scheme, "example.com/modern")
	for range 3 {
		fresh.Eventf(pod, nil, corev1.EventTypeWarning, "Serial", "Testing", "note %d", 1)
	}
	eventually(t, "there is a series", func() bool {
		list, err := api.EventsV1().Events(where).List(ctx, metav1.ListOptions{FieldSelector: "reason=Serial"})
		return err == nil && len(list.Items) == 1 && list.Items[0].Series != nil && list.Items[0].Regarding.Name == "p"
	})
	seen := must(api.CoreV1().Events(where).List(ctx, metav1.ListOptions{FieldSelector: "reason=Serial"}))(t)
	if len(seen.Items) != 1 || seen.Items[0].InvolvedObject.UID != pod.UID || seen.Items[0].ReportingController != "example.com/modern" {
		t.Errorf("through the core group: %v", seen.Items)
	}
}

// A service account's token opens what its role allows.
func TestTokens(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	api := client(t)
	must(api.CoreV1().ServiceAccounts(where).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{}))(t)
	seconds := int64(1200)
	issued := must(api.CoreV1().ServiceAccounts(where).CreateToken(ctx, "robot", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{}))(t)
	if left := time.Until(issued.Status.ExpirationTimestamp.Time); issued.Status.Token == "" || left < 10*time.Minute || left > 30*time.Minute {
		t.Fatalf("issued for %v", left)
	}
	config := rest.AnonymousClientConfig(base)
	config.BearerToken = issued.Status.Token
	robot := typed(t, config)
	name := "system:serviceaccount:" + where + ":robot"
	self := must(robot.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))(t)
	if self.Status.UserInfo.Username != name || !slices.Contains(self.Status.UserInfo.Groups, "system:serviceaccounts:"+where) {
		t.Errorf("the robot is %v", self.Status.UserInfo)
	}
	if _, err := robot.CoreV1().ConfigMaps(where).List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("without a role: %v", err)
	}
	must(api.RbacV1().Roles(where).Create(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "watch"}}}}, metav1.CreateOptions{}))(t)
	must(api.RbacV1().RoleBindings(where).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"}, Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "robot", Namespace: where}}}, metav1.CreateOptions{}))(t)
	eventually(t, "the role counts", func() bool {
		_, err := robot.CoreV1().ConfigMaps(where).List(ctx, metav1.ListOptions{})
		return err == nil
	})
	if _, err := robot.CoreV1().ConfigMaps(where).Create(ctx, configMap("a", "1"), metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("beyond its role: %v", err)
	}
	review := must(api.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: issued.Status.Token}}, metav1.CreateOptions{}))(t)
	if !review.Status.Authenticated || review.Status.User.Username != name {
		t.Errorf("reviewed as %v", review.Status)
	}
	for verb, want := range map[string]bool{"list": true, "delete": false} {
		attributes := &authorizationv1.ResourceAttributes{Namespace: where, Verb: verb, Resource: "configmaps"}
		own := must(robot.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes}}, metav1.CreateOptions{}))(t)
		other := must(api.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: attributes, User: name}}, metav1.CreateOptions{}))(t)
		if own.Status.Allowed != want || other.Status.Allowed != want {
			t.Errorf("%s: %v and %v", verb, own.Status, other.Status)
		}
	}
	rules := must(robot.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: where}}, metav1.CreateOptions{}))(t)
	if !slices.ContainsFunc(rules.Status.ResourceRules, func(rule authorizationv1.ResourceRule) bool { return slices.Contains(rule.Resources, "configmaps") }) {
		t.Errorf("the rules are %v", rules.Status.ResourceRules)
	}
	acting := rest.CopyConfig(base)
	acting.Impersonate.UserName = name
	if _, err := typed(t, acting).CoreV1().ConfigMaps(where).Create(ctx, configMap("a", "1"), metav1.CreateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("impersonated: %v", err)
	}
	config.BearerToken = issued.Status.Token + "x"
	if _, err := typed(t, config).CoreV1().ConfigMaps(where).List(ctx, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("a forged token: %v", err)
	}
}

// Everything goes over HTTP/2, watches too; what is long is compressed, in JSON and in protobuf.
func TestTransport(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	for i := range 4 {
		must(client(t).CoreV1().ConfigMaps(where).Create(ctx, configMap(fmt.Sprint("long-", i), strings.Repeat("many words ", 5000)), metav1.CreateOptions{}))(t)
	}
	for _, config := range []*rest.Config{inJSON(), inProtobuf()} {
		wire := &recorder{}
		maps := typed(t, wire.into(config)).CoreV1().ConfigMaps(where)
		list := must(maps.List(ctx, metav1.ListOptions{}))(t)
		if one := wire.exchanges()[0]; !one.compressed {
			t.Errorf("%d objects came uncompressed as %s", len(list.Items), one.received)
		}
		watching := must(maps.Watch(ctx, metav1.ListOptions{}))(t)
		if event := <-watching.ResultChan(); event.Type != watch.Added {
			t.Errorf("saw %v", event)
		}
		watching.Stop()
		for _, one := range wire.exchanges() {
			if one.protocol != "HTTP/2.0" {
				t.Errorf("%s went over %s", one.uri, one.protocol)
			}
		}
	}
}

// An informer lives through a kill of the server, whose history then is empty: it lists again and misses nothing. Not in
// parallel: everybody's server goes.
func TestRestart(t *testing.T) {
	ctx := within(t)
	where := namespace(t)
	maps := client(t).CoreV1().ConfigMaps(where)
	old := must(maps.Create(ctx, configMap("before", "1"), metav1.CreateOptions{}))(t)
	must(maps.Create(ctx, configMap("doomed", "1"), metav1.CreateOptions{}))(t)
	stop := make(chan struct{})
	defer close(stop)
	factory := informers.NewSharedInformerFactoryWithOptions(typed(t, inProtobuf()), 0, informers.WithNamespace(where))
	informer := factory.Core().V1().ConfigMaps().Informer()
	seen := &ledger{}
	must(informer.AddEventHandler(seen.handler()))(t)
	factory.Start(stop)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		t.Fatal("the informer does not sync")
	}
	response := must(http.Post(os.Getenv("CLIENTS_CONTROL")+"/restart", "", nil))(t)
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("no restart: %s", response.Status)
	}
	eventually(t, "the server writes again", func() bool {
		_, err := maps.Create(ctx, configMap("after", "1"), metav1.CreateOptions{})
		return err == nil || apierrors.IsAlreadyExists(err)
	})
	check(t, maps.Delete(ctx, "doomed", metav1.DeleteOptions{}))
	kept := must(maps.Get(ctx, "before", metav1.GetOptions{}))(t)
	if kept.ResourceVersion != old.ResourceVersion || kept.UID != old.UID {
		t.Errorf("%v became %v", old.ObjectMeta, kept.ObjectMeta)
	}
	eventually(t, "the informer has caught up", func() bool {
		return seen.has("before", old.ResourceVersion) && seen.has("after", "") && !seen.has("doomed", "")
	})
	watching, err := maps.Watch(ctx, metav1.ListOptions{ResourceVersion: old.ResourceVersion})
	if err == nil {
		defer watching.Stop()
		event := <-watching.ResultChan()
		if event.Type != watch.Error {
			t.Fatalf("saw %v", event)
		}
		err = apierrors.FromObject(event.Object)
	}
	if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		t.Errorf("a version before the restart: %v", err)
	}
}
