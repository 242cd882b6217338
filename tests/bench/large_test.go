package main

import (
	"context"
	"testing"
)

// The measurements with a generated tenant and domain run to their end, in a small size.
func TestLargeMeasurements(t *testing.T) {
	scale = 0.002
	defer func() { scale = 1 }()
	for name, measure := range map[string]func(context.Context, *report) error{"plan": planning, "estate": estate, "delta": delta} {
		t.Run(name, func(t *testing.T) {
			r := &report{Name: name}
			if err := measure(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if len(r.Figures) == 0 {
				t.Error("nothing was measured")
			}
		})
	}
}
