package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"time"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"
)

// filler fills objects with random values, so that zero, empty and missing all occur. The same seed gives the same
// objects.
func filler(seed int64, nilChance float64) *randfill.Filler {
	schemaDepth := 0
	return randfill.NewWithSeed(seed).NilChance(nilChance).NumElements(0, 3).Funcs(
		func(s *string, c randfill.Continue) {
			if *s = ""; c.Intn(4) > 0 {
				*s = c.String(24)
			}
		},
		func(n *int32, c randfill.Continue) { *n = pick(c.Rand, 0, 1, -1, 7, 1<<31-1, -1<<31) },
		func(n *int64, c randfill.Continue) { *n = int64(pick(c.Rand, 0, 1, -1, 30)) * pick64(c.Rand, 1, 1<<40) },
		func(f *float64, c randfill.Continue) { *f = float64(c.Intn(4000)-2000) / 4 },
		func(b *[]byte, c randfill.Continue) {
			*b = make([]byte, c.Intn(40))
			c.Read(*b)
		},
		func(t *metav1.TypeMeta, c randfill.Continue) {},
		func(t *metav1.Time, c randfill.Continue) {
			if *t = (metav1.Time{}); c.Intn(4) > 0 {
				t.Time = time.Unix(c.Int63n(1<<32), 0)
			}
		},
		func(t *metav1.MicroTime, c randfill.Continue) {
			if *t = (metav1.MicroTime{}); c.Intn(4) > 0 {
				t.Time = time.Unix(c.Int63n(1<<32), c.Int63n(1e6)*1000)
			}
		},
		func(d *metav1.Duration, c randfill.Continue) { d.Duration = time.Duration(c.Int63n(1 << 50)) },
		func(q *resource.Quantity, c randfill.Continue) {
			formats := []resource.Format{resource.DecimalSI, resource.BinarySI, resource.DecimalExponent}
			*q = *resource.NewMilliQuantity(c.Int63n(1<<30), formats[c.Intn(3)])
		},
		func(v *intstr.IntOrString, c randfill.Continue) {
			if *v = intstr.FromInt32(pick(c.Rand, 0, 1, -1, 8080)); c.Intn(2) == 0 {
				*v = intstr.FromString(c.String(8))
			}
		},
		func(r *runtime.RawExtension, c randfill.Continue) {
			if *r = (runtime.RawExtension{}); c.Intn(3) > 0 {
				r.Raw = document(c)
			}
		},
		func(f *metav1.FieldsV1, c randfill.Continue) { f.Raw = document(c) },
		func(j *apiextensions.JSON, c randfill.Continue) { j.Raw = document(c) },
		func(s *apiextensions.JSONSchemaProps, c randfill.Continue) {
			if schemaDepth < 3 && c.Intn(1+schemaDepth) == 0 {
				schemaDepth++
				c.FillNoCustom(s)
				schemaDepth--
			}
			// A pointer to JSON null does not survive JSON; a schema's is never one.
		},
		func(s *apiextensions.JSONSchemaPropsOrBool, c randfill.Continue) {
			if s.Allows = c.Bool(); c.Bool() {
				s.Allows, s.Schema = true, &apiextensions.JSONSchemaProps{}
				c.Fill(s.Schema)
			}
		},
		func(s *apiextensions.JSONSchemaPropsOrArray, c randfill.Continue) {
			if c.Bool() {
				s.Schema = &apiextensions.JSONSchemaProps{}
				c.Fill(s.Schema)
			} else {
				s.JSONSchemas = make([]apiextensions.JSONSchemaProps, 1+c.Intn(2))
				for i := range s.JSONSchemas {
					c.Fill(&s.JSONSchemas[i])
				}
			}
		},
		func(s *apiextensions.JSONSchemaPropsOrStringArray, c randfill.Continue) {
			if c.Bool() {
				s.Schema = &apiextensions.JSONSchemaProps{}
				c.Fill(s.Schema)
			} else {
				s.Property = []string{c.String(8), "b"}
			}
		},
	)
}

// document is a JSON object as Go writes it, never null.
func document(c randfill.Continue) []byte {
	text, err := json.Marshal(map[string]any{"a": c.Intn(100), "f:b": map[string]any{}, "s": fmt.Sprint("x", c.Intn(9)), "l": []any{nil, true}})
	if err != nil {
		panic(err)
	}
	return text
}

func pick(r *rand.Rand, of ...int32) int32   { return of[r.Intn(len(of))] }
func pick64(r *rand.Rand, of ...int64) int64 { return of[r.Intn(len(of))] }
