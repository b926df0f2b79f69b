package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"reflect"
	"strings"

	"github.com/google/go-cmp/cmp"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

// tool is serin_wire_tool: a request is one letter and data, an answer '+' and data or '-' and an error; both in frames of
// four bytes of length, big-endian.
type tool struct {
	in  io.WriteCloser
	out io.Reader
	cmd *exec.Cmd
}

func startTool(path string) *tool {
	cmd := exec.Command(path)
	in, err := cmd.StdinPipe()
	check(err)
	out, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	return &tool{in, out, cmd}
}

func (t *tool) stop() {
	t.in.Close()
	check(t.cmd.Wait())
}

func (t *tool) ask(what byte, data []byte) ([]byte, error) {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(data)+1))
	if _, err := t.in.Write(append(append(frame, what), data...)); err != nil {
		return nil, err
	}
	var size uint32
	if err := binary.Read(t.out, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	answer := make([]byte, size)
	if _, err := io.ReadFull(t.out, answer); err != nil {
		return nil, err
	}
	if answer[0] != '+' {
		return nil, fmt.Errorf("serin: %s", answer[1:])
	}
	return answer[1:], nil
}

// transcode sends random objects of every kind that Serin knows through its transcoder, and compares them with what
// client-go reads and writes. It answers how many kinds and objects went through.
func transcode(path string, rounds int) (kinds, objects int, failures []string) {
	check(apiextensions.AddToScheme(scheme.Scheme))
	check(apiregistration.AddToScheme(scheme.Scheme))
	check(metav1.AddMetaToScheme(scheme.Scheme))
	t := startTool(path)
	defer t.stop()
	list, err := t.ask('k', nil)
	check(err)
	for _, line := range strings.Fields(string(list)) {
		apiVersion, kind, _ := strings.Cut(line, ",")
		gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
		for round := 0; round < rounds; round++ {
			if err := one(t, gvk, round); err != nil {
				failures = append(failures, fmt.Sprintf("%s round %d: %v", line, round, err))
				break
			}
			objects++
		}
		kinds++
	}
	return kinds, objects, failures
}

func one(t *tool, gvk schema.GroupVersionKind, round int) error {
	object, err := scheme.Scheme.New(gvk)
	if err != nil {
		return err
	}
	// The first is empty, the second full, the others between.
	if round > 0 {
		filler(int64(round), []float64{0.3, 0.0, 0.6}[round%3]).Fill(object)
	}
	object.GetObjectKind().SetGroupVersionKind(gvk)
	serializer := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	var wire bytes.Buffer
	if err := serializer.Encode(object, &wire); err != nil {
		return err
	}
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}

	// What JSON keeps of the object is what both sides are held to.
	want, err := fromJSON(gvk, text)
	if err != nil {
		return err
	}
	read, err := t.ask('d', wire.Bytes())
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	got, err := fromJSON(gvk, read)
	if err != nil {
		return fmt.Errorf("serin's JSON: %w\n%s", err, read)
	}
	if !equality.Semantic.DeepEqual(want, got) {
		return fmt.Errorf("protobuf to JSON differs (-client-go +serin)\n%s", cmp.Diff(mustPlain(want), mustPlain(got)))
	}

	written, err := t.ask('e', text)
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	var canonical bytes.Buffer
	if err := serializer.Encode(want, &canonical); err != nil {
		return err
	}
	if !bytes.Equal(written, canonical.Bytes()) {
		ours, _, err := serializer.Decode(written, nil, nil)
		if err != nil {
			return fmt.Errorf("client-go reads serin's protobuf: %w", err)
		}
		return fmt.Errorf("JSON to protobuf differs (-client-go +serin)\n%s\nclient-go %x\nserin     %x",
			cmp.Diff(mustPlain(want), mustPlain(ours)), canonical.Bytes(), written)
	}

	again, err := t.ask('e', read)
	if err != nil {
		return fmt.Errorf("writing what was read: %w", err)
	}
	back, _, err := serializer.Decode(again, nil, nil)
	if err != nil {
		return fmt.Errorf("client-go reads serin's protobuf: %w", err)
	}
	back.GetObjectKind().SetGroupVersionKind(gvk)
	if !equality.Semantic.DeepEqual(want, back) {
		return fmt.Errorf("protobuf to JSON to protobuf differs (-client-go +serin)\n%s", cmp.Diff(mustPlain(want), mustPlain(back)))
	}
	return nil
}

func fromJSON(gvk schema.GroupVersionKind, text []byte) (runtime.Object, error) {
	object, err := scheme.Scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	if reflect.ValueOf(object).Kind() != reflect.Pointer {
		return nil, fmt.Errorf("%v is no pointer", gvk)
	}
	return object, json.Unmarshal(text, object)
}

// mustPlain is an object as maps and lists, for a readable difference.
func mustPlain(v any) any {
	text, err := json.Marshal(v)
	check(err)
	var plain any
	check(json.Unmarshal(text, &plain))
	return plain
}
