// Command cel evaluates a table of expressions with Kubernetes' own environment and compares with Serin's evaluator.
//
//	cel TOOL TABLE           compares TOOL's results, and the table's, with Kubernetes'
//	cel --fill TABLE         writes Kubernetes' results into the table
//	cel objects TOOL FILE... judges the objects in the files, and changed ones, by the CRDs in the files, and compares
//
// Beside the table, it compares expressions that it makes up from the table's own parts.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"strings"
)

const randomExpressions = 3000

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 2 && args[0] == "objects" {
		return compareObjects(args[1], args[2:])
	}
	if len(args) != 2 {
		return fmt.Errorf("usage: cel TOOL TABLE | cel --fill TABLE | cel objects TOOL FILE...")
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	table := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if args[0] == "--fill" {
		filled := evaluateTable(table, true)
		return os.WriteFile(args[1], []byte(strings.Join(filled, "\n")+"\n"), 0o644)
	}
	table = append(table, madeUp(table)...)
	return compare(args[0], table)
}

// compare runs both evaluators and lists where they differ.
func compare(tool string, table []string) error {
	ours := exec.Command(tool)
	ours.Stdin = strings.NewReader(strings.Join(table, "\n"))
	ours.Stderr = os.Stderr
	out, err := ours.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", tool, err)
	}
	var found []string
	for scan := bufio.NewScanner(bytes.NewReader(out)); scan.Scan(); {
		found = append(found, scan.Text())
	}
	var wanted []string
	differences, costs := 0, 0
	for i, line := range evaluateTable(table, false) {
		if !isExpression(table[i]) {
			continue
		}
		wanted = append(wanted, line)
		if expected := resultOf(table[i]); expected != "" && expected != resultOf(line) {
			fmt.Printf("the table is wrong: %s\n  Kubernetes: %s\n", table[i], line)
			differences++
		}
	}
	if len(found) != len(wanted) {
		return fmt.Errorf("%d results for %d expressions", len(found), len(wanted))
	}
	for i := range wanted {
		if resultOf(found[i]) != resultOf(wanted[i]) {
			fmt.Printf("Kubernetes: %s\nSerin:      %s\n", wanted[i], found[i])
			differences++
		} else if costOf(found[i]) != costOf(wanted[i]) && resultOf(wanted[i]) != "error" {
			fmt.Printf("cost: %s\n  Kubernetes %s, Serin %s\n", expressionOf(wanted[i]), costOf(wanted[i]), costOf(found[i]))
			costs++
		}
	}
	fmt.Printf("%d expressions, %d differ, %d with another cost\n", len(wanted), differences, costs)
	if differences > 0 || costs > 0 {
		return fmt.Errorf("Serin and Kubernetes disagree")
	}
	return nil
}

// madeUp puts expressions of the table together to new ones, always the same.
func madeUp(table []string) []string {
	random := rand.New(rand.NewSource(1))
	var atoms []string
	var directives []string
	for _, line := range table {
		if strings.HasPrefix(line, "@") {
			directives = append(directives, line)
		} else if isExpression(line) && !strings.Contains(expressionOf(line), "//") {
			atoms = append(atoms, expressionOf(line))
		}
	}
	shapes := []string{"(%s) == (%s)", "(%s) != (%s)", "(%s) && (%s)", "(%s) || (%s)", "(%s) < (%s)", "(%s) >= (%s)", "(%s) + (%s)",
		"(%s) - (%s)", "(%s) in (%s)", "[%s, %s]", "{'a': %s, 'b': %s}", "(%s)[%s]", "(%s).all(x, (%s) == x)", "(%s).map(x, [x, %s])",
		"(%s).exists(x, (%s) != x)", "(%s).filter(x, x == (%s))", "dyn(%s) == dyn(%s)", "dyn(%s) < dyn(%s)", "dyn(%s) + dyn(%s)",
		"(%s) ? (%s) : null", "optional.of(%s).orValue(%s)", "type(%s) == type(%s)", "[%s].indexOf(%s)", "dyn(%s) in [dyn(%s)]",
		"(%s).transformList(i, v, [v, %s])", "size(%s) + size(%s)", "string(%s) + string(%s)"}
	made := directives
	for i := 0; i < randomExpressions; i++ {
		shape := shapes[random.Intn(len(shapes))]
		made = append(made, fmt.Sprintf(shape, atoms[random.Intn(len(atoms))], atoms[random.Intn(len(atoms))]))
	}
	return made
}

func isExpression(line string) bool {
	return strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "@")
}

func expressionOf(line string) string {
	if i := strings.LastIndex(line, " => "); i >= 0 {
		line = line[:i]
	}
	return strings.TrimSpace(line)
}

func resultOf(line string) string {
	i := strings.LastIndex(line, " => ")
	if i < 0 {
		return ""
	}
	rest := line[i+4:]
	if j := strings.LastIndex(rest, " ; "); j >= 0 {
		rest = rest[:j]
	}
	return strings.TrimSpace(rest)
}

func costOf(line string) string {
	if i := strings.LastIndex(line, " ; "); i >= 0 {
		return strings.TrimSpace(line[i+3:])
	}
	return ""
}
