package clients

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

func newRetryWatcher(_ context.Context, from string, watching func(metav1.ListOptions) (watch.Interface, error)) (*watchtools.RetryWatcher, error) {
	return watchtools.NewRetryWatcher(from, &cache.ListWatch{WatchFunc: watching})
}
