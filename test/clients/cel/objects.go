package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

const changedObjects = 4000

// definition validates objects of one version of a CRD.
type definition struct {
	schema    *schema.Structural
	validator validation.SchemaValidator
	rules     *schemacel.Validator
}

func define(props *apiextensionsv1.JSONSchemaProps) definition {
	var internal apiextensions.JSONSchemaProps
	must(apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, &internal, nil))
	structural, err := schema.NewStructural(&internal)
	must(err)
	validator, _, err := validation.NewSchemaValidator(&internal)
	must(err)
	return definition{structural, validator, schemacel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// judge gives what is wrong with an object, as the API server does on creation.
func (d definition) judge(object map[string]any) []string {
	pruning.Prune(object, d.schema, true)
	defaulting.Default(object, d.schema)
	errs := validation.ValidateCustomResource(nil, object, d.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, d.schema, object)...)
	if d.rules != nil {
		if hidesRules(errs) {
			errs = append(errs, field.Invalid(nil, nil, "some validation rules were not checked because the object was invalid; "+
				"correct the existing errors to complete validation"))
		} else {
			broken, _ := d.rules.Validate(context.Background(), nil, d.schema, object, nil, celconfig.RuntimeCELCostBudget)
			errs = append(errs, broken...)
		}
	}
	lines := []string{}
	for _, err := range errs {
		lines = append(lines, err.Field+": "+err.ErrorBody())
	}
	sort.Strings(lines)
	return lines
}

func hidesRules(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}

// compareObjects judges objects, and changed ones, by both and lists where they differ.
func compareObjects(tool string, files []string) error {
	definitions := map[string]definition{}
	var crds []string
	var objects []map[string]any
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		before := len(definitions)
		for _, document := range strings.Split("\n"+string(text), "\n---") {
			var crd apiextensionsv1.CustomResourceDefinition
			if yaml.Unmarshal([]byte(document), &crd) == nil && crd.Kind == "CustomResourceDefinition" {
				for _, version := range crd.Spec.Versions {
					definitions[crd.Spec.Group+"/"+version.Name+" "+crd.Spec.Names.Kind] = define(version.Schema.OpenAPIV3Schema)
				}
				continue
			}
			var object map[string]any
			must(yaml.Unmarshal([]byte(document), &object))
			if object != nil {
				objects = append(objects, object)
			}
		}
		if len(definitions) > before {
			crds = append(crds, file)
		}
	}
	random := rand.New(rand.NewSource(1))
	for n := len(objects); len(objects) < n+changedObjects; {
		changed := copied(objects[random.Intn(n)])
		for i := random.Intn(3); i >= 0; i-- {
			changed["spec"] = change(random, changed["spec"])
		}
		objects = append(objects, changed)
	}
	found, err := judgedBySerin(tool, crds, objects)
	if err != nil {
		return err
	}
	if len(found) != len(objects) {
		return fmt.Errorf("%d answers for %d objects", len(found), len(objects))
	}
	differences, refused := 0, 0
	for i, object := range objects {
		text, _ := json.Marshal(object)
		fresh := map[string]any{}
		must(utiljson.Unmarshal(text, &fresh))
		wanted := definitions[fmt.Sprint(object["apiVersion"], " ", object["kind"])].judge(fresh)
		if len(wanted) > 0 {
			refused++
		}
		if !tellsOfJunctors(wanted) && comparable(wanted) != comparable(found[i]) {
			differences++
			fmt.Printf("%s\n  Kubernetes: %s\n  Serin:      %s\n", text, strings.Join(wanted, "\n              "), strings.Join(found[i], "\n              "))
		}
	}
	fmt.Printf("%d objects, %d of them bad, %d judged differently\n", len(objects), refused, differences)
	if differences > 0 {
		return fmt.Errorf("Serin and Kubernetes disagree")
	}
	return nil
}

// tellsOfJunctors: where a value has a wrong type, Kubernetes may say of anyOf and oneOf too that it does not fit; Serin does not.
func tellsOfJunctors(lines []string) bool {
	text := strings.Join(lines, "\n")
	return strings.Contains(text, "must be of type") && strings.Contains(text, "must validate")
}

var objectText = regexp.MustCompile(`map\[string\]interface \{\}\{[^}]*\}`)

// comparable is without the members of an object that stands where a scalar should, which Kubernetes prunes.
func comparable(lines []string) string {
	return objectText.ReplaceAllString(strings.Join(lines, "\n"), "object")
}

func judgedBySerin(tool string, crds []string, objects []map[string]any) ([][]string, error) {
	folder, err := os.MkdirTemp("", "objects")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	var text bytes.Buffer
	for _, object := range objects {
		line, _ := json.Marshal(object)
		text.Write(line)
		text.WriteString("\n---\n")
	}
	file := filepath.Join(folder, "objects.yaml")
	if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
		return nil, err
	}
	command := exec.Command(tool, append(append([]string{"objects"}, crds...), file)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tool, err)
	}
	var found [][]string
	scan := bufio.NewScanner(bytes.NewReader(out))
	scan.Buffer(nil, 1<<24)
	for scan.Scan() {
		var lines []string
		must(json.Unmarshal(scan.Bytes(), &lines))
		sort.Strings(lines)
		found = append(found, lines)
	}
	return found, nil
}

func copied(object map[string]any) map[string]any {
	text, err := json.Marshal(object)
	must(err)
	var out map[string]any
	must(json.Unmarshal(text, &out))
	return out
}

// change gives the value with one thing in it replaced, taken away or doubled.
func change(random *rand.Rand, value any) any {
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			return v
		}
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		name := names[random.Intn(len(names))]
		switch random.Intn(6) {
		case 0:
			delete(v, name)
		case 1:
			v[name] = other(random)
		default:
			v[name] = change(random, v[name])
		}
		return v
	case []any:
		if len(v) == 0 {
			return append(v, other(random))
		}
		i := random.Intn(len(v))
		switch random.Intn(6) {
		case 0:
			return append(v, v[i])
		case 1:
			return append(v[:i], v[i+1:]...)
		default:
			v[i] = change(random, v[i])
			return v
		}
	default:
		return other(random)
	}
}

func other(random *rand.Rand) any {
	values := []any{0, 1, -1, 70000, 1.5, true, "", "a", "A_b", "*", "/x", "10s", "-1h", "a.example.com", strings.Repeat("long", 200),
		[]any{}, []any{"a", "a"}, map[string]any{}, map[string]any{"name": "a"}, nil, "PathPrefix", "Exact", "HTTP", "Service"}
	return values[random.Intn(len(values))]
}
