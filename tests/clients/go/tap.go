package main

import (
	"fmt"
	"os"
	"strings"
)

var count, failed int

// step tells whether something was done: `ok 12 applications: list pages`, or `not ok …` with the reason.
func step(area, what string, run func() error) {
	count++
	if err := run(); err != nil {
		failed++
		why := strings.Join(strings.Fields(err.Error()), " ")
		fmt.Printf("not ok %d %s: %s # %.600s\n", count, area, what, why)
		return
	}
	fmt.Printf("ok %d %s: %s\n", count, area, what)
}

// end tells how many there were.
func end() {
	fmt.Printf("1..%d\n", count)
	if failed > 0 {
		os.Exit(1)
	}
}

// expect is an error unless it holds.
func expect(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
