# Sourced by inside.sh. Starts the simulated tenant if GWB_LAB_TENANT_BIN names its executable.
# shellcheck shell=bash

start_tenant() {
    [[ ${GWB_LAB_TENANT_BIN-} ]] || return 0
    local directory=$GWB_LAB_DIR/tenant log=$GWB_LAB_DIR/log/tenant tenant line i
    mkdir "$directory"
    "$GWB_LAB_TENANT_BIN" --dir "$directory" --users "$GWB_LAB_DIR/users.json" </dev/null >"$log" 2>&1 &
    tenant=$!
    for ((i = 0; i < 6000; i++)); do
        [[ ! -s $directory/env ]] || break
        kill -0 "$tenant" 2>/dev/null || lab_failed "the simulated tenant ended" "$log"
        sleep 0.05
    done
    [[ -s $directory/env ]] || lab_failed "the simulated tenant does not listen after five minutes" "$log"
    while IFS= read -r line; do
        [[ $line =~ ^GWB_LAB_TENANT_[A-Z0-9_]+= ]] || lab_failed "unexpected line in $directory/env: $line"
        # shellcheck disable=SC2163 # the line is the assignment
        export "$line"
    done <"$directory/env"
}
