// gen-builtin prints the schema tables of the built-in kinds (api/builtin/*.txt) from the published Go types of
// the Kubernetes API: names and protobuf numbers from the struct tags, list and map types, defaults and
// enumerations from the markers in the comments. What the types do not say (short names, columns, defaults that
// Kubernetes sets in code) stands in facts.go.
//
// The tables are the source; this program only saves typing when a Kubernetes version is taken in:
//
//	go run . ../../api/builtin && git diff ../../api/builtin
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// pkg is one group and version: where its Go types are, and the kinds to write.
type pkg struct {
	name, group, path string
	roots             []string
	types             map[string]*typ
}

// typ is one named Go type.
type typ struct {
	pkg     *pkg
	name    string
	markers map[string][]string
	expr    ast.Expr
	file    *ast.File
	consts  []string
}

type field struct {
	json, goType string
	number       int
	pointer      bool
	inline       *typ
	flags        []string
	refs         []*typ
}

var packages []*pkg
var byPath = map[string]*pkg{}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen-builtin OUTPUT-DIRECTORY")
	}
	for _, p := range sources {
		p := p
		p.types = map[string]*typ{}
		load(&p)
		packages = append(packages, &p)
		byPath[p.path] = &p
	}
	all, inSpec := map[*typ]bool{}, map[*typ]bool{}
	for _, p := range packages {
		for _, root := range p.roots {
			t := p.types[root]
			if t == nil {
				log.Fatalf("%s: no type %s", p.path, root)
			}
			reach(t, all, true)
			reach(t, inSpec, false)
		}
	}
	for _, p := range packages {
		write(p, all, inSpec, os.Args[1])
	}
}

func load(p *pkg) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", p.path).Output()
	if err != nil {
		log.Fatalf("%s: %v", p.path, err)
	}
	files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "*types*.go"))
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			log.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					doc := s.Doc
					if doc == nil {
						doc = gen.Doc
					}
					p.types[s.Name.Name] = &typ{p, s.Name.Name, markers(doc), s.Type, file, nil}
				}
			}
		}
	}
	for _, name := range files {
		file, _ := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.CONST {
				continue
			}
			for _, spec := range gen.Specs {
				s := spec.(*ast.ValueSpec)
				id, ok := s.Type.(*ast.Ident)
				if !ok || p.types[id.Name] == nil || len(s.Values) != 1 {
					continue
				}
				if lit, ok := s.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, _ := strconv.Unquote(lit.Value)
					t := p.types[id.Name]
					t.consts = append(t.consts, text)
				}
			}
		}
	}
}

func markers(docs ...*ast.CommentGroup) map[string][]string {
	found := map[string][]string{}
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		for _, c := range doc.List {
			line := strings.TrimSpace(strings.TrimPrefix(c.Text, "//"))
			if !strings.HasPrefix(line, "+") {
				continue
			}
			key, value, _ := strings.Cut(line[1:], "=")
			found[strings.TrimSpace(key)] = append(found[strings.TrimSpace(key)], strings.TrimSpace(value))
		}
	}
	return found
}

func (t *typ) id() string { return t.pkg.name + "." + t.name }

// resolve finds the type an expression names; nil for Go's own types.
func (t *typ) resolve(e ast.Expr) *typ {
	switch e := e.(type) {
	case *ast.Ident:
		return t.pkg.types[e.Name]
	case *ast.SelectorExpr:
		alias := e.X.(*ast.Ident).Name
		for _, imp := range t.file.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			name := path[strings.LastIndex(path, "/")+1:]
			if imp.Name != nil {
				name = imp.Name.Name
			}
			if name == alias {
				if p := byPath[path]; p != nil {
					return p.types[e.Sel.Name]
				}
			}
		}
	}
	return nil
}

// spell writes an expression as a type of the tables; refs gathers the named types in it.
func (t *typ) spell(e ast.Expr, refs *[]*typ, enum *[]string) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return t.spell(e.X, refs, enum)
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return "bytes"
		}
		return "[]" + t.spell(e.Elt, refs, enum)
	case *ast.MapType:
		return "map[string]" + t.spell(e.Value, refs, enum)
	case *ast.Ident:
		switch e.Name {
		case "string", "bool", "int32", "int64", "float64":
			return e.Name
		case "uint8":
			return "int32"
		}
		if special, ok := specialTypes[e.Name]; ok {
			return special
		}
	case *ast.SelectorExpr:
		switch name := e.Sel.Name; name {
		case "Quantity", "IntOrString", "RawExtension":
			return name
		case "UID":
			return "string"
		}
		if special, ok := specialTypes[e.Sel.Name]; ok {
			return special
		}
	}
	named := t.resolve(e)
	if named == nil {
		log.Fatalf("%s: cannot tell what %v is", t.id(), e)
	}
	if _, ok := named.expr.(*ast.StructType); ok {
		*refs = append(*refs, named)
		if named.pkg == t.pkg || named.pkg.name == "meta/v1" {
			return named.name
		}
		return named.id()
	}
	if _, ok := named.markers["enum"]; ok && enum != nil {
		*enum = append([]string(nil), named.consts...)
	}
	return named.spell(named.expr, refs, enum)
}

func (t *typ) fields(required bool) []field {
	var fields []field
	for _, f := range t.expr.(*ast.StructType).Fields.List {
		if f.Tag == nil {
			continue
		}
		text, _ := strconv.Unquote(f.Tag.Value)
		tag := reflect.StructTag(text)
		name, options, _ := strings.Cut(tag.Get("json"), ",")
		number := 0
		if parts := strings.Split(tag.Get("protobuf"), ","); len(parts) > 1 {
			number, _ = strconv.Atoi(parts[1])
		}
		if strings.Contains(options, "inline") {
			inline := t.resolve(f.Type)
			if inline.name == "TypeMeta" {
				fields = append(fields, field{json: "kind", goType: "string"}, field{json: "apiVersion", goType: "string"})
			} else {
				fields = append(fields, field{number: number, inline: inline, refs: []*typ{inline}})
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		out := field{json: name, number: number}
		var enum []string
		out.goType = t.spell(f.Type, &out.refs, &enum)
		marks := markers(f.Doc, f.Comment)
		flag := func(format string, args ...any) { out.flags = append(out.flags, fmt.Sprintf(format, args...)) }
		_, pointer := f.Type.(*ast.StarExpr)
		out.pointer = pointer
		_, optional := marks["optional"]
		if _, ok := marks["k8s:optional"]; ok {
			optional = true
		}
		fact, hasFact := fieldFacts[t.id()+"."+name]
		scalar := len(out.refs) == 0 && !strings.HasPrefix(out.goType, "[]") && !strings.HasPrefix(out.goType, "map")
		zero := map[string]string{"string": `""`, "int32": "0", "int64": "0", "bool": "false"}[out.goType]
		omitempty := strings.Contains(options, "omitempty")
		_, hasDefault := marks["default"]
		switch {
		case hasFact && strings.Contains(fact, "default=") || hasDefault && !strings.HasPrefix(marks["default"][0], "ref("):
		case hasFact && (strings.Contains(fact, "optional") || strings.Contains(fact, "required")):
		case !omitempty && !optional && required && name != "metadata" && !pointer:
			flag("required")
		case !omitempty && scalar && !pointer && zero != "" && len(enum) == 0:
			flag("default=%s", zero)
		}
		if d := marks["default"]; len(d) > 0 && !strings.HasPrefix(d[0], "ref(") && !strings.Contains(fact, "default=") {
			flag("default=%s", strings.ReplaceAll(d[0], " ", ""))
		}
		if l := marks["listType"]; len(l) > 0 {
			switch l[0] {
			case "map":
				flag("list=map(%s)", strings.Join(marks["listMapKey"], ","))
			case "set":
				flag("list=set")
			}
		}
		if m := marks["mapType"]; len(m) > 0 && m[0] == "atomic" || len(marks["structType"]) > 0 {
			flag("atomic")
		}
		strategy := tag.Get("patchStrategy")
		if strings.Contains(strategy, "merge") {
			if key := tag.Get("patchMergeKey"); key != "" {
				flag("merge=%s", key)
			} else {
				flag("merge")
			}
		}
		if strings.Contains(strategy, "retainKeys") {
			flag("retainKeys")
		}
		if len(enum) > 0 {
			sort.Strings(enum)
			text := strings.Join(enum, "|")
			if strings.Contains(text, " ") {
				text = strconv.Quote(text)
			}
			flag("enum=%s", text)
		}
		topLevel := (name == "spec" || name == "status") && t.expr.(*ast.StructType).Fields.List[0].Tag != nil &&
			strings.Contains(t.expr.(*ast.StructType).Fields.List[0].Tag.Value, "inline")
		if _, isRef := f.Type.(*ast.Ident); topLevel && isRef && len(out.refs) > 0 && len(out.flags) == 0 && !hasFact {
			flag("default={}")
		}
		if hasFact && fact != "optional" {
			flag("%s", fact)
		}
		fields = append(fields, out)
	}
	return fields
}

func reach(t *typ, seen map[*typ]bool, status bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	for _, f := range t.fields(false) {
		if f.json == "status" && !status {
			continue
		}
		for _, ref := range f.refs {
			reach(ref, seen, status)
		}
	}
}

func write(p *pkg, all, inSpec map[*typ]bool, dir string) {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s. The format is described in docs/spec/builtin-kinds.md.\n", p.name)
	_, version, _ := strings.Cut(p.name, "/")
	fmt.Fprintf(&out, "package %s\ngroup %s\nversion %s\n", p.name, map[bool]string{true: "-", false: p.group}[p.group == ""], version)
	if facts := strings.TrimSpace(resourceFacts[p.name]); facts != "" {
		fmt.Fprintf(&out, "\n%s\n", facts)
	}
	var names []string
	for name, t := range p.types {
		if all[t] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		t := p.types[name]
		atomic := ""
		if s := t.markers["structType"]; len(s) > 0 && s[0] == "atomic" {
			atomic = " atomic"
		}
		fmt.Fprintf(&out, "\ntype %s%s\n", name, atomic)
		for _, f := range t.fields(inSpec[t]) {
			line := ""
			if f.inline != nil {
				line = fmt.Sprintf("  + %d %s", f.number, strings.TrimPrefix(f.inline.id(), p.name+"."))
			} else {
				star := map[bool]string{true: "*"}[f.pointer]
				line = fmt.Sprintf("  %s %d %s%s", f.json, f.number, star, f.goType)
			}
			for _, flag := range f.flags {
				line += " " + flag
			}
			fmt.Fprintln(&out, line)
		}
		if extra := extraFields[t.id()]; extra != "" {
			fmt.Fprintln(&out, extra)
		}
	}
	name := filepath.Join(dir, strings.ReplaceAll(p.name, "/", "_")+".txt")
	if err := os.WriteFile(name, []byte(out.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}
