// Package clients drives a Kubernetes API with client-go as controllers do. The same sources are built on the newest and
// on an old client-go: see go.mod and go032.mod.
package clients

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	protobuf = runtime.ContentTypeProtobuf
	patience = time.Minute // for a broken server, never waited out with a working one
	idle     = "idle:1"    // an image that runs for ever
)

var base *rest.Config

func TestMain(m *testing.M) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	config.QPS, config.Burst = 1000, 1000
	base = config
	os.Exit(m.Run())
}

// must is the value, or the end of the test.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, patience, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("waited in vain until %s", what)
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func typed(t testing.TB, config *rest.Config) kubernetes.Interface {
	return must(kubernetes.NewForConfig(config))(t)
}

func client(t testing.TB) kubernetes.Interface { return typed(t, rest.CopyConfig(base)) }

func dynamicClient(t testing.TB) dynamic.Interface { return must(dynamic.NewForConfig(base))(t) }

func definitions(t testing.TB) apiextensions.Interface {
	return must(apiextensions.NewForConfig(base))(t)
}

// inProtobuf is a configuration that writes and reads protobuf.
func inProtobuf() *rest.Config {
	config := rest.CopyConfig(base)
	config.ContentType = protobuf
	config.AcceptContentTypes = protobuf + "," + runtime.ContentTypeJSON
	return config
}

func inJSON() *rest.Config {
	config := rest.CopyConfig(base)
	config.ContentType = runtime.ContentTypeJSON
	return config
}

// namespace makes one with a generated name.
func namespace(t testing.TB) string {
	t.Helper()
	made := must(client(t).CoreV1().Namespaces().Create(context.Background(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "go-"}}, metav1.CreateOptions{}))(t)
	t.Cleanup(func() {
		if err := client(t).CoreV1().Namespaces().Delete(context.Background(), made.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	return made.Name
}

func configMap(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"key": value}}
}

// exchange is what went over the wire for one request.
type exchange struct {
	method, uri, sent, received, protocol string
	compressed                            bool
}

// recorder keeps the exchanges of the client that it is built into.
type recorder struct {
	mutex sync.Mutex
	seen  []exchange
}

func (r *recorder) into(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			if err == nil {
				r.mutex.Lock()
				defer r.mutex.Unlock()
				r.seen = append(r.seen, exchange{request.Method, request.URL.RequestURI(), request.Header.Get("Content-Type"),
					response.Header.Get("Content-Type"), response.Proto, response.Uncompressed})
			}
			return response, err
		})
	})
	return config
}

func (r *recorder) exchanges() []exchange {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]exchange(nil), r.seen...)
}

func (r *recorder) asked(part string) bool {
	for _, one := range r.exchanges() {
		if strings.Contains(one.uri, part) {
			return true
		}
	}
	return false
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
