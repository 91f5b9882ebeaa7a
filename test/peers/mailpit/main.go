// The mail server of the tests: Mailpit as it is published, built from Go's module proxy because the tests' machine
// has no other place to get it from.
package main

import "github.com/axllent/mailpit/cmd"

func main() {
	cmd.Execute()
}
