// Package engine runs the library that Argo CD is built on, unchanged: its cache of a whole cluster and its sync.
package engine

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/engine"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	patience = time.Minute // for a broken server
	mark     = "tests.example.com/of"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 50*time.Millisecond, patience, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("waited in vain until %s", what)
	}
}

// synced is a cache of the whole cluster, as Argo CD configures it.
func synced(t testing.TB, config *rest.Config) cache.ClusterCache {
	all := cache.NewClusterCache(config, cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
		of := object.GetAnnotations()[mark]
		return of, of != "" // what is managed is kept whole
	}))
	check(t, all.EnsureSynced())
	t.Cleanup(func() { all.Invalidate() })
	return all
}

func configured(t testing.TB) *rest.Config {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	check(t, err)
	config.QPS, config.Burst = 1000, 1000
	return config
}

func parsed(t testing.TB, manifests string) []*unstructured.Unstructured {
	objects, err := kube.SplitYAML([]byte(manifests))
	check(t, err)
	for _, object := range objects {
		object.SetAnnotations(map[string]string{mark: "test"})
	}
	return objects
}

// TestCacheOfEveryKind: each kind that can be listed and watched is in it, those of a definition that comes later too, and
// it follows what happens.
func TestCacheOfEveryKind(t *testing.T) {
	config := configured(t)
	all := synced(t, config)
	info := all.GetClusterInfo()
	if info.SyncError != nil || all.GetServerVersion() == "" || all.GetOpenAPISchema() == nil || all.GetGVKParser() == nil {
		t.Fatalf("the cache is %+v", info)
	}
	lists, err := discovery.NewDiscoveryClientForConfigOrDie(config).ServerPreferredResources()
	check(t, err)
	want := 0
	for _, list := range lists {
		for _, resource := range list.APIResources {
			verbs := strings.Join(resource.Verbs, ",")
			if strings.Contains(verbs, "list") && strings.Contains(verbs, "watch") {
				want++
			}
		}
	}
	if info.APIsCount < want-3 { // the two kinds of Event and of Lease it leaves out
		t.Errorf("it watches %d of %d kinds", info.APIsCount, want)
	}
	client := dynamic.NewForConfigOrDie(config)
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	made := parsed(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.engine.example.com}
spec:
  group: engine.example.com
  scope: Namespaced
  names: {plural: gadgets, kind: Gadget}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`)[0]
	_, err = definitions.Create(t.Context(), made, metav1.CreateOptions{})
	check(t, err)
	gadgets := client.Resource(schema.GroupVersionResource{Group: "engine.example.com", Version: "v1", Resource: "gadgets"}).Namespace("default")
	gadget := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "engine.example.com/v1", "kind": "Gadget", "metadata": map[string]any{"name": "g"}}}
	_, err = gadgets.Create(t.Context(), gadget, metav1.CreateOptions{})
	check(t, err)
	there := func() bool {
		return len(all.FindResources("default", func(r *cache.Resource) bool { return r.Ref.Kind == "Gadget" })) == 1
	}
	eventually(t, "it has the custom object", there)
	check(t, gadgets.Delete(t.Context(), "g", metav1.DeleteOptions{}))
	eventually(t, "it has it no more", func() bool { return !there() })
	check(t, definitions.Delete(t.Context(), made.GetName(), metav1.DeleteOptions{}))
	eventually(t, "it knows the kind no more", func() bool {
		for _, one := range all.GetAPIResources() {
			if one.GroupKind.Group == "engine.example.com" {
				return false
			}
		}
		return true
	})
}

// TestSync applies manifests, changes nothing the second time, sees the tree below a Deployment, and prunes.
func TestSync(t *testing.T) {
	const where = "synced"
	config := configured(t)
	all := synced(t, config)
	syncing := engine.NewEngine(config, all)
	stop, err := syncing.Run()
	check(t, err)
	defer stop()
	manifests := `
apiVersion: v1
kind: Namespace
metadata: {name: synced}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: synced}
data: {a: "1"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: synced, labels: {}}
spec:
  replicas: 2
  paused: false
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "idle:1", args: [], resources: {requests: {cpu: 1000m}}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: synced}
spec: {selector: {app: web}, ports: [{port: 80}]}
`
	managed := func(r *cache.Resource) bool { return r.Info == "test" }
	apply := func(text string, options ...sync.SyncOpt) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		results, err := syncing.Sync(ctx, parsed(t, text), managed, "one", where, options...)
		check(t, err)
		for _, result := range results {
			if result.Status == common.ResultCodeSyncFailed {
				t.Errorf("%v: %s", result.ResourceKey, result.Message)
			}
		}
	}
	apply(manifests)
	count := func() map[string]int {
		kinds := map[string]int{}
		all.IterateHierarchyV2([]kube.ResourceKey{kube.NewResourceKey("apps", "Deployment", where, "web")},
			func(r *cache.Resource, _ map[kube.ResourceKey]*cache.Resource) bool { kinds[r.Ref.Kind]++; return true })
		return kinds
	}
	eventually(t, "the tree is whole", func() bool {
		kinds := count()
		return kinds["Deployment"] == 1 && kinds["ReplicaSet"] == 1 && kinds["Pod"] == 2
	})
	apply(manifests) // says what Kubernetes leaves out or spells otherwise, and changes nothing by it
	deployments := dynamic.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"})
	web, err := deployments.Namespace(where).Get(t.Context(), "web", metav1.GetOptions{})
	check(t, err)
	if web.GetGeneration() != 1 {
		t.Errorf("the second sync made generation %d", web.GetGeneration())
	}
	apply(strings.Replace(manifests, `a: "1"`, `a: "2"`, 1), sync.WithServerSideApply(true), sync.WithServerSideApplyManager("argocd-controller"))
	maps := dynamic.NewForConfigOrDie(config).Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(where)
	changed, err := maps.Get(t.Context(), "settings", metav1.GetOptions{})
	check(t, err)
	if value, _, _ := unstructured.NestedString(changed.Object, "data", "a"); value != "2" {
		t.Errorf("a is %s", value)
	}
	eventually(t, "the cache has seen it", func() bool {
		for _, one := range all.FindResources(where, managed) {
			if one.Ref.Kind == "ConfigMap" && one.ResourceVersion == changed.GetResourceVersion() {
				return true
			}
		}
		return false
	})
	apply(manifests[:strings.Index(manifests, "---\napiVersion: apps/v1")], sync.WithPrune(true))
	eventually(t, "the tree is gone", func() bool { kinds := count(); return kinds["ReplicaSet"] == 0 && kinds["Pod"] == 0 })
}
