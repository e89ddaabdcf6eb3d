# SPDX-License-Identifier: Apache-2.0
# what: Go: goroutines, timers, os/exec, sockets on loopback, net/http, files, signals; `go build`, `go vet` and `go test` inside
# packages: golang-go
# limit: 200
# shellcheck shell=bash
units() { echo program build; }
prepare() { cp "$HERE/go/main.go" . && printf 'module jobs\ngo 1.19\n' >go.mod && HOME=$PWD GOCACHE=$PWD/cache CGO_ENABLED=0 go build -o program .; }
run() {
	case $1 in
	program)
		"$DIR/program" >&3
		;;
	build)
		cp "$DIR/main.go" "$DIR/go.mod" .
		printf 'package main\nimport "testing"\nfunc TestFiles(t *testing.T) { if err := files(); err != nil { t.Fatal(err) } }\n' >main_test.go
		export GOCACHE=$WORK/cache CGO_ENABLED=0 GOFLAGS=-mod=mod
		check "go build" go build -o program .
		result "$(cmp program "$DIR/program" >/dev/null && echo same || echo other)" "go build: the same bytes"
		check "go vet" go vet .
		check "go test" go test .
		check "gofmt" gofmt -l .
		;;
	esac
}
