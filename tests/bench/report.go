package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// report holds the figures of one measurement.
type report struct {
	Name    string   `json:"name"`
	Figures []figure `json:"figures"`
}

// figure is one number. Aim is its aim, empty if the figure only explains another one,
// and Met says whether the aim was reached.
type figure struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Aim   string  `json:"aim,omitempty"`
	Met   bool    `json:"met"`
}

// tell adds a figure without an aim and prints it at once.
func (r *report) tell(what string, value float64, unit string) {
	r.add(figure{What: what, Value: value, Unit: unit, Met: true})
}

// atMost adds a figure that should not be above bound and prints it at once.
func (r *report) atMost(what string, value float64, unit string, bound float64) {
	r.add(figure{What: what, Value: value, Unit: unit, Aim: "at most " + number(bound), Met: value <= bound})
}

// exactly adds a figure that should be equal to wanted and prints it at once.
func (r *report) exactly(what string, value float64, unit string, wanted float64) {
	r.add(figure{What: what, Value: value, Unit: unit, Aim: number(wanted), Met: value == wanted})
}

func (r *report) add(f figure) {
	r.Figures = append(r.Figures, f)
	fmt.Fprintf(os.Stderr, "  %s: %s %s\n", f.What, number(f.Value), f.Unit)
}

// write prints the figures as a table and stores them in the folder.
func (r *report) write(folder string) error {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t\t\taim\t\n", r.Name)
	for _, f := range r.Figures {
		verdict := ""
		if f.Aim != "" {
			verdict = map[bool]string{true: "met", false: "MISSED"}[f.Met]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.What, number(f.Value), f.Unit, f.Aim, verdict)
	}
	w.Flush()
	fmt.Print(table.String())
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	base := filepath.Join(folder, r.Name)
	if err := os.WriteFile(base+".json", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(base+".txt", []byte(table.String()), 0o644)
}

func number(v float64) string {
	switch {
	case v == float64(int64(v)):
		return fmt.Sprintf("%d", int64(v))
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
