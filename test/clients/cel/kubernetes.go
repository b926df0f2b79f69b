package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/version"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
)

// scope is what the expressions of one part of the table may refer to.
type scope struct {
	env       *cel.Env
	estimator *library.CostEstimator
	values    map[string]any
	schema    *schema.Structural
}

// evaluateTable gives each line with its result; other lines as they are. keep: results are kept out of lines that fail.
func evaluateTable(table []string, fill bool) []string {
	current := newScope(nil)
	out := make([]string, len(table))
	for i, line := range table {
		out[i] = line
		switch {
		case strings.HasPrefix(line, "@none"):
			current = newScope(nil)
		case strings.HasPrefix(line, "@schema "):
			current = newScope(structural(line[len("@schema "):]))
		case strings.HasPrefix(line, "@self "):
			current.set("self", line[len("@self "):])
		case strings.HasPrefix(line, "@old "):
			current.set("oldSelf", line[len("@old "):])
		case isExpression(line):
			expression := expressionOf(line)
			result, cost := current.evaluate(expression)
			out[i] = fmt.Sprintf("%s => %s ; %s", expression, result, cost)
			if fill && (cost == "" || result == "error") {
				out[i] = fmt.Sprintf("%s => %s", expression, result)
			}
		}
	}
	return out
}

func structural(text string) *schema.Structural {
	var props apiextensionsv1.JSONSchemaProps
	must(json.Unmarshal([]byte(text), &props))
	var internal apiextensions.JSONSchemaProps
	must(apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&props, &internal, nil))
	made, err := schema.NewStructural(&internal)
	must(err)
	return made
}

func newScope(of *schema.Structural) *scope {
	base := environment.MustBaseEnvSet(version.MajorMinor(1, 33), true)
	if of == nil {
		return &scope{env: base.StoredExpressionsEnv(), estimator: &library.CostEstimator{}, values: map[string]any{}}
	}
	declared := model.SchemaDeclType(of, true).MaybeAssignTypeName("selfType")
	extended, err := base.Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []cel.EnvOption{cel.Variable("self", declared.CelType()), cel.Variable("oldSelf", declared.CelType())},
		DeclTypes:         []*apiservercel.DeclType{declared},
	})
	must(err)
	return &scope{env: extended.StoredExpressionsEnv(), estimator: &library.CostEstimator{SizeEstimator: &sizes{declared}},
		values: map[string]any{"self": types.NullValue, "oldSelf": types.NullValue}, schema: model.WithTypeAndObjectMeta(of)}
}

func (s *scope) set(name, text string) {
	var value any
	must(utiljson.Unmarshal([]byte(text), &value))
	s.values[name] = schemacel.UnstructuredToVal(value, s.schema)
}

func (s *scope) evaluate(expression string) (string, string) {
	ast, issues := s.env.Compile(expression)
	if issues.Err() != nil {
		return "invalid", ""
	}
	estimate, err := s.env.EstimateCost(ast, s.estimator)
	if err != nil {
		return "invalid", ""
	}
	program, err := s.env.Program(ast, cel.CostLimit(celconfig.PerCallLimit), cel.CostTracking(s.estimator), cel.InterruptCheckFrequency(celconfig.CheckFrequency))
	if err != nil {
		return "invalid", ""
	}
	value, details, err := program.ContextEval(context.Background(), s.values)
	cost := strconv.FormatUint(estimate.Max, 10)
	if details != nil && details.ActualCost() != nil {
		cost = strconv.FormatUint(*details.ActualCost(), 10) + " " + cost
	}
	if err != nil {
		return "error", cost
	}
	return shown(value), cost
}

// shown prints a value as Serin's tool does.
func shown(v ref.Val) string {
	switch v := v.(type) {
	case types.Null:
		return "null"
	case types.Bool:
		return strconv.FormatBool(bool(v))
	case types.Int:
		return fmt.Sprintf("int %d", int64(v))
	case types.Uint:
		return fmt.Sprintf("uint %d", uint64(v))
	case types.Double:
		return fmt.Sprintf("double %g", float64(v))
	case types.String:
		text, _ := json.Marshal(string(v))
		return "string " + string(text)
	case types.Bytes:
		return "bytes " + hex.EncodeToString(v)
	case types.Timestamp:
		return "timestamp " + string(types.Timestamp{Time: v.Time.UTC()}.ConvertToType(types.StringType).(types.String))
	case types.Duration:
		return "duration " + string(v.ConvertToType(types.StringType).(types.String))
	case *types.Type:
		return "type " + v.TypeName()
	case *types.Optional:
		if !v.HasValue() {
			return "optional none"
		}
		return "optional " + shown(v.GetValue())
	case traits.Lister:
		var parts []string
		for it := v.Iterator(); it.HasNext() == types.True; {
			parts = append(parts, shown(it.Next()))
		}
		return "list [" + strings.Join(parts, ", ") + "]"
	case traits.Mapper:
		var parts []string
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			if member, found := v.Find(key); found {
				parts = append(parts, shown(key)+": "+shown(member))
			}
		}
		sort.Strings(parts)
		return "map {" + strings.Join(parts, ", ") + "}"
	case *types.Err:
		return "error"
	}
	return v.Type().TypeName()
}

// sizes answers for what a schema bounds, as the API server's own estimator does.
type sizes struct{ root *apiservercel.DeclType }

func (s *sizes) EstimateSize(element checker.AstNode) *checker.SizeEstimate {
	if len(element.Path()) == 0 {
		return nil
	}
	at := s.root
	for _, name := range element.Path()[1:] {
		switch name {
		case "@items", "@values":
			at = at.ElemType
		case "@keys":
			at = at.KeyType
		default:
			field, found := at.Fields[name]
			if !found {
				return nil
			}
			at = field.Type
		}
		if at == nil {
			return nil
		}
	}
	return &checker.SizeEstimate{Min: 0, Max: uint64(at.MaxElements)}
}

func (s *sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
