//go:build tools

// Package ferretdb keeps the requirements of FerretDB's own command in go.mod; build.sh builds it.
package ferretdb

import _ "github.com/FerretDB/FerretDB/cmd/ferretdb"
