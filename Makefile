# The work is in the scripts; each can be run by itself.
.PHONY: build test soak bench demo lint windows clean help

help:
	@echo "make build     bin/groupwriteback, the engine that the module starts"
	@echo "make test      all tests; installs what they need by apt when root"
	@echo "make soak      the random tests for the greater part of an hour"
	@echo "make bench     the figures of docs/benchmarks.md, in out/bench"
	@echo "make demo      a session from Connect to Disable against a simulated tenant and a Samba domain"
	@echo "make lint      gofmt, go vet, shellcheck"
	@echo "make windows   bin/groupwriteback.exe, with mingw"
	@echo "make clean     removes what was built"

build:
	cmd/hardened go build -o bin/ ./cmd/groupwriteback

test:
	tests/run

soak:
	tests/soak

bench:
	tests/bench/run

demo:
	tests/demo/run

lint:
	tests/lint

windows:
	cmd/hardened --windows go build -o bin/ ./cmd/groupwriteback

clean:
	rm -rf out bin/groupwriteback bin/groupwriteback.exe
