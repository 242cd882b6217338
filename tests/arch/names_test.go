package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	parameterDeclared = regexp.MustCompile(`(?m)^\s*\[.*\]\s*\$(\w+)\s*(?:=.*)?,?\s*$`)
	// named matches commands and parameters in a text.
	named = regexp.MustCompile(`\b[A-Z][a-z]+-[A-Z][A-Za-z]+\b|(?:^|[\s("'\[|])-([A-Z][A-Za-z]+)\b`)
)

// commonParameters are parameters of PowerShell that every command has.
var commonParameters = []string{"Confirm", "WhatIf", "Verbose", "ErrorAction"}

// commands returns the parameters of each command of the module.
func commands(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../module/Public/*.ps1")
	if err != nil || len(files) == 0 {
		t.Fatalf("the commands of the module: %v, %v", files, err)
	}
	found := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".ps1")
		found[name] = commonParameters
		for _, m := range parameterDeclared.FindAllStringSubmatch(string(text), -1) {
			found[name] = append(found[name], m[1])
		}
	}
	return found
}

// wrongNames returns the commands and parameters in the text that the module does not
// have. A parameter after a command of the module must belong to that command; one after
// a command of somebody else is ignored.
func wrongNames(text string, commands map[string][]string) []string {
	var wrong []string
	has := func(command, parameter string) bool {
		for name, parameters := range commands {
			if command != "" && name != command {
				continue
			}
			if slices.Contains(parameters, parameter) {
				return true
			}
		}
		return false
	}
	for _, sentence := range regexp.MustCompile(`[.;:,] `).Split(text, -1) {
		command, foreign := "", false
		for _, m := range named.FindAllStringSubmatch(sentence, -1) {
			switch _, ours := commands[m[0]]; {
			case m[1] == "" && strings.Contains(m[0], "-GroupWriteback"):
				if command, foreign = m[0], false; !ours {
					wrong = append(wrong, m[0])
				}
			case m[1] == "":
				foreign = true
			case !foreign && !has(command, m[1]):
				wrong = append(wrong, strings.TrimSpace(command+" -"+m[1]))
			}
		}
	}
	return wrong
}

// TestMessagesNameWhatTheModuleHas: messages name only commands and parameters that exist,
// because administrators follow advice to the letter. tests/module checks the module's
// own texts.
func TestMessagesNameWhatTheModuleHas(t *testing.T) {
	known := commands(t)
	if wrong := wrongNames("Give -Server and -CAFile, or Connect-GroupWriteback -Group -Server; see Get-GroupWritebackX. Run Get-Item -Nothing.", known); strings.Join(wrong, ",") != "-CAFile,Connect-GroupWriteback -Group,Get-GroupWritebackX" {
		t.Fatalf("the test itself finds %q", wrong)
	}
	names := 0
	for _, root := range []string{"internal", "state", "cmd"} {
		err := filepath.WalkDir("../../"+root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Errorf("%s: %v", path, err)
					}
					names += len(named.FindAllString(text, -1))
					for _, wrong := range wrongNames(text, known) {
						t.Errorf("%s: the module has no %s, in %q", path, wrong, text)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if names < 20 {
		t.Errorf("only %d names were found in the messages", names)
	}
}
