package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	gnostic "github.com/google/gnostic-models/openapiv2"
	"github.com/google/go-cmp/cmp"
	goyaml "go.yaml.in/yaml/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	models "k8s.io/kube-openapi/pkg/util/proto"
	"sigs.k8s.io/yaml"
)

// A Deployment and a Service with what is easily typed wrongly: quantities and ports that are numbers or strings.
const samples = `[
{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","labels":{"l":"1"},"creationTimestamp":null},
 "spec":{"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":"25%"}},"selector":{"matchLabels":{"a":"b"}},
  "template":{"spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":1,"memory":"1Gi"}},
   "ports":[{"containerPort":80,"protocol":"TCP"}]}]}}}},
{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":"http"}]}},
{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"a"},"spec":{"hosts":["a"]}},
{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","metadata":{"name":"a"},"spec":{"replicas":1}}]`

// documents checks the OpenAPI v2 document of built-in kinds and the CRDs in a folder as its readers see it: gnostic's
// own encoder makes the same message of the JSON form, kubectl's models and Argo CD's parser of merge types take it, and
// objects are typed by it.
func documents(path, crdFolder string) (kinds int, failures []string) {
	t := startTool(path)
	defer t.stop()
	crds := readCRDs(crdFolder)
	binary, err := t.ask('g', crds)
	check(err)
	text, err := t.ask('v', crds)
	check(err)
	var document gnostic.Document
	check(proto.Unmarshal(binary, &document))

	reference, err := gnostic.ParseDocument(text)
	if err != nil {
		return 0, []string{fmt.Sprintf("gnostic refuses the JSON form: %v", err)}
	}
	plainYAML(document.ProtoReflect())
	plainYAML(reference.ProtoReflect())
	if !proto.Equal(reference, &document) {
		failures = append(failures, "the message differs from what gnostic makes of the JSON (-gnostic +serin)\n"+
			cmp.Diff(reference, &document, protocmp.Transform()))
	}

	all, err := models.NewOpenAPIData(&document)
	if err != nil {
		return 0, append(failures, fmt.Sprintf("kubectl's models: %v", err))
	}
	parser, err := managedfields.NewGVKParser(all, false)
	if err != nil {
		return 0, append(failures, fmt.Sprintf("parser of merge types: %v", err))
	}
	list, err := t.ask('k', nil)
	check(err)
	for _, line := range strings.Fields(string(list)) {
		apiVersion, kind, _ := strings.Cut(line, ",")
		gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
		if parser.Type(gvk) != nil {
			kinds++
		}
	}
	var objects []map[string]any
	check(json.Unmarshal([]byte(samples), &objects))
	for _, object := range objects {
		gvk := (&unstructured.Unstructured{Object: object}).GroupVersionKind()
		merge := parser.Type(gvk)
		if merge == nil {
			failures = append(failures, fmt.Sprintf("%v has no merge type", gvk))
		} else if _, err := merge.FromUnstructured(object); err != nil {
			failures = append(failures, fmt.Sprintf("%v: %v", gvk, err))
		}
	}
	return kinds, failures
}

// readCRDs is the CRDs of a folder as a JSON list.
func readCRDs(folder string) []byte {
	names, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	check(err)
	var all []json.RawMessage
	for _, name := range names {
		text, err := os.ReadFile(name)
		check(err)
		for _, part := range strings.Split(string(text), "\n---") {
			one, err := yaml.YAMLToJSON([]byte(part))
			check(err)
			if string(one) != "null" {
				all = append(all, one)
			}
		}
	}
	text, err := json.Marshal(all)
	check(err)
	return text
}

// plainYAML rewrites the YAML of every Any in the one way that Go writes it.
func plainYAML(m protoreflect.Message) {
	if one, ok := m.Interface().(*gnostic.Any); ok {
		var value any
		check(goyaml.Unmarshal([]byte(one.GetYaml()), &value))
		text, err := goyaml.Marshal(value)
		check(err)
		one.Yaml = string(text)
		return
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Message() == nil {
			return true
		}
		if field.IsList() {
			for i := 0; i < value.List().Len(); i++ {
				plainYAML(value.List().Get(i).Message())
			}
		} else {
			plainYAML(value.Message())
		}
		return true
	})
}
