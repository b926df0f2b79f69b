package clients

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
	watchtools "k8s.io/client-go/tools/watch"
)

// watchList says whether this run's informers shall stream their first state; the feature gate reads the same variable.
func watchList() bool { return os.Getenv("KUBE_FEATURE_WatchListClient") == "true" }

// ledger keeps what an informer says, by name.
type ledger struct {
	mutex   sync.Mutex
	objects map[string]string // name to resourceVersion
	deleted int
}

func (l *ledger) handler() cache.ResourceEventHandler {
	l.objects = map[string]string{}
	set := func(object any) {
		accessor, err := meta.Accessor(object)
		if err != nil {
			panic(err)
		}
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.objects[accessor.GetName()] = accessor.GetResourceVersion()
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    set,
		UpdateFunc: func(_, now any) { set(now) },
		DeleteFunc: func(object any) {
			if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = unknown.Obj
			}
			accessor, err := meta.Accessor(object)
			if err != nil {
				panic(err)
			}
			l.mutex.Lock()
			defer l.mutex.Unlock()
			delete(l.objects, accessor.GetName())
			l.deleted++
		},
	}
}

func (l *ledger) has(name, version string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	found, ok := l.objects[name]
	return ok && (version == "" || found == version)
}

func (l *ledger) count(prefix string) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	n := 0
	for name := range l.objects {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	return n
}

// An informer of each sort sees what is there and what then happens.
func TestInformers(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	maps := client(t).CoreV1().ConfigMaps(where)
	for i := range 20 {
		must(maps.Create(ctx, configMap(fmt.Sprint("before-", i), "1"), metav1.CreateOptions{}))(t)
	}
	resource := corev1.SchemeGroupVersion.WithResource("configmaps")
	wire := &recorder{}
	sorts := map[string]func(chan struct{}) cache.SharedIndexInformer{
		"typed": func(stop chan struct{}) cache.SharedIndexInformer {
			factory := informers.NewSharedInformerFactoryWithOptions(typed(t, wire.into(inProtobuf())), 0, informers.WithNamespace(where))
			informer := factory.Core().V1().ConfigMaps().Informer()
			factory.Start(stop)
			return informer
		},
		"json": func(stop chan struct{}) cache.SharedIndexInformer {
			factory := informers.NewSharedInformerFactoryWithOptions(typed(t, inJSON()), 0, informers.WithNamespace(where),
				informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.LabelSelector = "!never" }))
			informer := factory.Core().V1().ConfigMaps().Informer()
			factory.Start(stop)
			return informer
		},
		"dynamic": func(stop chan struct{}) cache.SharedIndexInformer {
			factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamicClient(t), 0, where, nil)
			informer := factory.ForResource(resource).Informer()
			factory.Start(stop)
			return informer
		},
		"metadata": func(stop chan struct{}) cache.SharedIndexInformer {
			factory := metadatainformer.NewFilteredSharedInformerFactory(must(metadata.NewForConfig(base))(t), 0, where, nil)
			informer := factory.ForResource(resource).Informer()
			factory.Start(stop)
			return informer
		},
	}
	stop := make(chan struct{})
	defer close(stop)
	ledgers := map[string]*ledger{}
	for sort, start := range sorts {
		informer := start(stop)
		ledgers[sort] = &ledger{}
		must(informer.AddEventHandler(ledgers[sort].handler()))(t)
		go informer.Run(stop) // a factory starts only those that were asked for before; a second start does nothing
		if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
			t.Fatalf("the %s informer does not sync", sort)
		}
	}
	for sort, l := range ledgers {
		eventually(t, "the "+sort+" informer has the first state", func() bool { return l.count("before-") == 20 })
	}
	made := must(maps.Create(ctx, configMap("during", "1"), metav1.CreateOptions{}))(t)
	made.Data["key"] = "2"
	made = must(maps.Update(ctx, made, metav1.UpdateOptions{}))(t)
	check(t, maps.Delete(ctx, "before-0", metav1.DeleteOptions{}))
	for sort, l := range ledgers {
		eventually(t, "the "+sort+" informer has caught up", func() bool {
			return l.has("during", made.ResourceVersion) && !l.has("before-0", "") && l.count("before-") == 19
		})
	}
	if got := wire.asked("sendInitialEvents=true"); got != watchList() {
		t.Errorf("the state was asked for as a stream: %v, wanted %v", got, watchList())
	}
}

// Pages are of one state, whatever is written meanwhile.
func TestPages(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	maps := client(t).CoreV1().ConfigMaps(namespace(t))
	for i := range 25 {
		must(maps.Create(ctx, configMap(fmt.Sprintf("m-%02d", i), "1"), metav1.CreateOptions{}))(t)
	}
	mine := metav1.ListOptions{Limit: 10, FieldSelector: "metadata.name!=kube-root-ca.crt"}
	first := must(maps.List(ctx, metav1.ListOptions{Limit: 10}))(t)
	if len(first.Items) != 10 || first.Continue == "" || first.RemainingItemCount == nil || *first.RemainingItemCount < 15 {
		t.Fatalf("%d items, continue %q, remaining %v", len(first.Items), first.Continue, first.RemainingItemCount)
	}
	check(t, maps.Delete(ctx, "m-24", metav1.DeleteOptions{}))
	must(maps.Create(ctx, configMap("m-99", "1"), metav1.CreateOptions{}))(t)
	second := must(maps.List(ctx, metav1.ListOptions{Limit: 100, Continue: first.Continue}))(t)
	if second.ResourceVersion != first.ResourceVersion {
		t.Errorf("the pages are of %s and %s", first.ResourceVersion, second.ResourceVersion)
	}
	names := map[string]bool{}
	for _, item := range append(first.Items, second.Items...) {
		names[item.Name] = true
	}
	if !names["m-24"] || names["m-99"] {
		t.Error("the second page is of another state")
	}
	counted := 0
	check(t, pager.New(pager.SimplePageFunc(func(options metav1.ListOptions) (runtime.Object, error) {
		return maps.List(ctx, options)
	})).EachListItem(ctx, mine, func(runtime.Object) error { counted++; return nil }))
	if counted != 25 {
		t.Errorf("the pager saw %d", counted)
	}
	exact := must(maps.List(ctx, metav1.ListOptions{ResourceVersion: first.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact}))(t)
	if exact.ResourceVersion != first.ResourceVersion {
		t.Errorf("asked for %s, got %s", first.ResourceVersion, exact.ResourceVersion)
	}
	now := must(strconv.ParseInt(second.ResourceVersion, 10, 64))(t)
	_, err := maps.List(ctx, metav1.ListOptions{ResourceVersion: fmt.Sprint(now + 1000000)})
	if !apierrors.IsTimeout(err) || !apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) {
		t.Errorf("a version to come: %v", err)
	}
	_, err = maps.List(ctx, metav1.ListOptions{Continue: "nonsense"})
	if !apierrors.IsBadRequest(err) {
		t.Errorf("a bad token: %v", err)
	}
}

// A watch with a selector shows objects that enter as added and those that leave as deleted; a bookmark closes it.
func TestWatchOfASelection(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	maps := client(t).CoreV1().ConfigMaps(namespace(t))
	start := must(maps.List(ctx, metav1.ListOptions{}))(t).ResourceVersion
	timeout := int64(3)
	watching := must(maps.Watch(ctx, metav1.ListOptions{ResourceVersion: start, LabelSelector: "in=yes",
		AllowWatchBookmarks: true, TimeoutSeconds: &timeout}))(t)
	defer watching.Stop()
	object := configMap("a", "1")
	label := func(value string) {
		object.Labels = map[string]string{"in": value}
		object = must(maps.Update(ctx, object, metav1.UpdateOptions{}))(t)
	}
	object = must(maps.Create(ctx, object, metav1.CreateOptions{}))(t)
	label("yes")
	entered := object.ResourceVersion
	label("no")
	left := object.ResourceVersion
	var seen []string
	for event := range watching.ResultChan() {
		accessor := must(meta.Accessor(event.Object))(t)
		seen = append(seen, fmt.Sprint(event.Type, " ", accessor.GetResourceVersion()))
	}
	if len(seen) < 3 || seen[0] != "ADDED "+entered || seen[1] != "DELETED "+left || !strings.HasPrefix(seen[len(seen)-1], "BOOKMARK ") {
		t.Errorf("saw %v", seen)
	}
}

// A retry watcher whose connections end all the time delivers each event once and in order.
func TestRetryWatcher(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	maps := client(t).CoreV1().ConfigMaps(namespace(t))
	start := must(maps.List(ctx, metav1.ListOptions{}))(t).ResourceVersion
	short := int64(1)
	watcher := must(newRetryWatcher(ctx, start, func(options metav1.ListOptions) (watch.Interface, error) {
		options.TimeoutSeconds = &short
		return maps.Watch(ctx, options)
	}))(t)
	defer watcher.Stop()
	const writes = 40
	go func() {
		for i := range writes {
			if _, err := maps.Create(ctx, configMap(fmt.Sprintf("e-%02d", i), "1"), metav1.CreateOptions{}); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond) // long enough that the watch ends a few times
		}
	}()
	next := 0
	for event := range watcher.ResultChan() {
		made, ok := event.Object.(*corev1.ConfigMap)
		if !ok || event.Type != watch.Added {
			t.Fatalf("saw %v", event)
		}
		if !strings.HasPrefix(made.Name, "e-") {
			continue
		}
		if want := fmt.Sprintf("e-%02d", next); made.Name != want {
			t.Fatalf("saw %s, wanted %s", made.Name, want)
		}
		if next++; next == writes {
			return
		}
	}
	t.Error("the watcher ended")
}

// The metadata client reads and deletes without knowing the kind.
func TestMetadata(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	maps := client(t).CoreV1().ConfigMaps(where)
	object := configMap("a", "1")
	object.Labels = map[string]string{"mine": "yes"}
	made := must(maps.Create(ctx, object, metav1.CreateOptions{}))(t)
	partial := must(metadata.NewForConfig(base))(t).Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(where)
	read := must(partial.Get(ctx, "a", metav1.GetOptions{}))(t)
	if read.UID != made.UID || read.Labels["mine"] != "yes" {
		t.Errorf("read %v", read)
	}
	list := must(partial.List(ctx, metav1.ListOptions{LabelSelector: labels.Set{"mine": "yes"}.String()}))(t)
	if len(list.Items) != 1 {
		t.Errorf("listed %v", list.Items)
	}
	wrong := metav1.NewUIDPreconditions("not-this")
	if err := partial.Delete(ctx, "a", metav1.DeleteOptions{Preconditions: wrong}); !apierrors.IsConflict(err) {
		t.Errorf("a wrong uid: %v", err)
	}
	check(t, partial.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "mine"}))
	if _, err := maps.Get(ctx, "a", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("still there: %v", err)
	}
}

// UntilWithSync, with which controllers wait for one object.
func TestUntil(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	maps := client(t).CoreV1().ConfigMaps(where)
	dyn := dynamicClient(t).Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(where)
	lw := &cache.ListWatch{
		ListFunc:  func(options metav1.ListOptions) (runtime.Object, error) { return dyn.List(ctx, options) },
		WatchFunc: func(options metav1.ListOptions) (watch.Interface, error) { return dyn.Watch(ctx, options) },
	}
	go func() {
		if _, err := maps.Create(context.Background(), configMap("awaited", "1"), metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
	}()
	must(watchtools.UntilWithSync(ctx, lw, &unstructured.Unstructured{}, nil, func(event watch.Event) (bool, error) {
		accessor, err := meta.Accessor(event.Object)
		return err == nil && accessor.GetName() == "awaited", nil
	}))(t)
}

func TestLogs(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	pods := client(t).CoreV1().Pods(namespace(t))
	must(pods.Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "talker"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "talk:1"}}}}, metav1.CreateOptions{}))(t)
	eventually(t, "the log is complete", func() bool {
		text, err := pods.GetLogs("talker", &corev1.PodLogOptions{}).DoRaw(ctx)
		return err == nil && string(text) == "one\ntwo\nthree\n"
	})
	stream := must(pods.GetLogs("talker", &corev1.PodLogOptions{Follow: true}).Stream(ctx))(t)
	defer stream.Close()
	text := make([]byte, len("one\ntwo\nthree\n"))
	must(io.ReadFull(stream, text))(t)
	if string(text) != "one\ntwo\nthree\n" {
		t.Errorf("followed %q", text)
	}
	var status apierrors.APIStatus
	if _, err := pods.GetLogs("nobody", &corev1.PodLogOptions{}).DoRaw(ctx); !errors.As(err, &status) || !apierrors.IsNotFound(err) {
		t.Errorf("the log of nobody: %v", err)
	}
}

// More watches than one HTTP/2 connection may have streams, and all alive.
func TestManyWatches(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	where := namespace(t)
	shared := typed(t, rest.CopyConfig(base)).CoreV1().ConfigMaps(where)
	var watches []watch.Interface
	for range 300 {
		watching := must(shared.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=a"}))(t)
		defer watching.Stop()
		watches = append(watches, watching)
	}
	must(shared.Create(ctx, configMap("a", "1"), metav1.CreateOptions{}))(t)
	for i, watching := range watches {
		select {
		case event := <-watching.ResultChan():
			if event.Type != watch.Added {
				t.Fatalf("watch %d saw %v", i, event)
			}
		case <-ctx.Done():
			t.Fatalf("watch %d saw nothing", i)
		}
	}
}
