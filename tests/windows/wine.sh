# shellcheck shell=bash
# Sourced at the root of the sources. Makes a directory $work that holds the Wine prefix and is
# removed when the script ends.

for command in x86_64-w64-mingw32-gcc wine; do
    if ! command -v "$command" >/dev/null; then
        echo "$command is missing: apt-get install gcc-mingw-w64-x86-64 wine wine64" >&2
        exit 3
    fi
done

work=$(mktemp -d)
export WINEPREFIX=$work/prefix WINEDEBUG=-all DISPLAY=
command -v wineserver >/dev/null || PATH=$PATH:/usr/lib/wine

# shellcheck disable=SC2317 # called by the trap
leave_wine() {
    wineserver -k || true
    wineserver -w || true
    # Wine's last process may still be writing its registry.
    for _ in {1..20}; do
        rm -rf "$work" 2>/dev/null && return
        sleep 0.5
    done
    rm -rf "$work"
}
trap leave_wine EXIT

# complete_wine adds a DLL to the Wine prefix that Go needs and Wine 8 lacks.
complete_wine() {
    x86_64-w64-mingw32-gcc -shared -O2 -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" \
        tests/windows/wine/bcryptprimitives.c -ladvapi32
}

# windows_path PATH prints the Windows path of a file.
windows_path() { printf 'Z:%s' "${1//\//\\}"; }
