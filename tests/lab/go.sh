# shellcheck shell=bash
# Sourced at the root of the sources, after prerequisites. Puts a go that can build the engine
# into PATH: the installed one or, if that is too old, the one that prerequisites fetched.
export PATH=$PATH:/usr/sbin:/sbin:/usr/local/go/bin

# go_is_new_enough reports whether go is 1.21 or later, which fetches the version that go.mod
# names by itself.
go_is_new_enough() {
    local version
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)
    [[ $version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] >= 21))
}

fetched_go=$PWD/out/go
go_is_new_enough || [[ ! -x $fetched_go/bin/go ]] || PATH=$fetched_go/bin:$PATH
