#!/bin/sh
# Installs into the checkout what the project needs, and nothing that is there already.
#
#   scripts/setup.sh [--browser]
#
#   .venv/               Python packages, exactly those of requirements/requirements.lock, checked by their hashes
#   .cache/jars/kafka/   Kafka's jars and .cache/jars/spark/ Spark's, as jars/*/pom.xml name them
#   .cache/setup/        what was found on the machine, and logs
#
# Safe to repeat, and to interrupt at any point: a part counts as installed only by a stamp that is written last and
# holds the digest of what asked for it; a folder that was being changed when the script ended is made anew.
# --browser also makes sure of Chromium, for the browser tests.
set -eu

cd "$(dirname "$0")/.."
root=$(pwd)
state=$root/.cache/setup
venv=$root/.venv
jars=$root/.cache/jars
started=$(date +%s)
did_something=no

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

digest() {
    if command -v sha256sum >/dev/null 2>&1; then
        cat "$@" | sha256sum | cut -d ' ' -f 1
    else
        cat "$@" | shasum -a 256 | cut -d ' ' -f 1
    fi
}

stamp_of() { cat "$1" 2>/dev/null || echo none; }

# ---- one at a time, and no rest after Ctrl-C -----------------------------------------------------------------------

lock() {
    mkdir -p "$state"
    waited=no
    until mkdir "$state/lock" 2>/dev/null; do
        owner=$(stamp_of "$state/lock/pid")
        if [ "$owner" != none ] && ! kill -0 "$owner" 2>/dev/null; then
            end_child_of_a_killed_setup
            rm -rf "$state/lock"
            continue
        fi
        [ $waited = yes ] || say "Another set-up (process $owner) is at work in this checkout; waiting for it"
        waited=yes
        sleep 1
    done
    echo $$ >"$state/lock/pid"
    trap 'leave' EXIT
    trap 'say "Interrupted: what was half installed is not used. Run the same command again to go on."; exit 130' INT
    trap 'exit 143' TERM HUP
}

# Whoever was killed may have left an installer at work, which would write into what is about to be made anew.
end_child_of_a_killed_setup() {
    left=$(stamp_of "$state/lock/child")
    [ "$left" != none ] || return 0
    # The number may belong to another program by now: ours has a path of this checkout among its arguments.
    while ps -p "$left" -o args= 2>/dev/null | grep -qF "$root/"; do
        kill "$left" 2>/dev/null || true
        sleep 1
    done
}

# Becomes the command, with its number noted for the function above.
noted() { exec sh -c 'echo $$ >"$0"; exec "$@"' "$state/lock/child" "$@"; }

leave() {
    code=$?
    trap - EXIT
    [ -z "${child:-}" ] || kill "$child" 2>/dev/null || true
    rm -rf "$jars"/.new-* "$state/lock"
    exit $code
}

# Runs a command with its output in a log, and tells from time to time what `$1` (a function) prints.
with_progress() {
    count=$1
    log=$2
    shift 2
    noted "$@" >"$log" 2>&1 </dev/null &
    child=$!
    seconds=0
    while kill -0 "$child" 2>/dev/null; do
        if [ -t 2 ]; then
            printf '\r  %s, %s s ' "$($count)" "$seconds" >&2
        elif [ $((seconds % 15)) -eq 14 ]; then
            say "  $($count), $((seconds + 1)) s"
        fi
        sleep 1
        seconds=$((seconds + 1))
    done
    [ ! -t 2 ] || printf '\r' >&2
    if wait "$child"; then result=0; else result=$?; fi
    child=
    return $result
}

# ---- what the machine has ------------------------------------------------------------------------------------------

# $state/tools holds `name=path` of what was found; it is asked again only when something is missing from it.
tool() { sed -n "s/^$1=//p" "$state/tools" 2>/dev/null | tail -n 1; }

require_tools() {
    missing=
    for wanted_tool in "$@"; do
        [ -x "$(tool "$wanted_tool")" ] || missing="$missing $wanted_tool"
    done
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086 # a list of names
    sh scripts/prerequisites.sh $missing >"$state/tools.new" || exit 1
    cat "$state/tools.new" >>"$state/tools"
    rm -f "$state/tools.new"
}

# Kafka, Spark and Maven take JAVA_HOME; without it, `java` on PATH, which may be too old or not there.
use_java() {
    java=$(tool java)
    if [ "$(command -v java 2>/dev/null)" != "$java" ] || [ -n "${JAVA_HOME:-}" ]; then
        JAVA_HOME=${java%/bin/java}
        export JAVA_HOME
        echo "$JAVA_HOME" >"$state/java_home"
    else
        rm -f "$state/java_home"
    fi
}

# ---- Python's part -------------------------------------------------------------------------------------------------

install_python_part() {
    wanted=$(digest requirements/requirements.lock requirements/bootstrap.lock pyproject.toml setup.cfg)
    [ "$(stamp_of "$venv/.stamp")" != "$wanted" ] || return 0
    did_something=yes
    require_tools python
    if [ -e "$venv/.changing" ] || ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
        rm -rf "$venv" || { sleep 3 && rm -rf "$venv"; }
    fi
    if [ ! -d "$venv" ]; then
        say "Making a virtual environment in .venv with $("$(tool python)" --version)"
        mkdir "$venv"
        touch "$venv/.changing"
        with_progress pip_is_unpacked "$state/venv.log" "$(tool python)" -m venv "$venv" ||
            fail "the virtual environment could not be made: $(tail -n 1 "$state/venv.log")"
    fi
    touch "$venv/.changing"
    rm -f "$venv/.stamp"
    say "Installing $(grep -c '^[a-z].*==' requirements/requirements.lock) Python packages into .venv"
    install_by_uv || install_by_pip
    rm -f "$venv/.changing"
    echo "$wanted" >"$venv/.stamp"
}

pip_is_unpacked() { echo 'unpacking pip'; }

installed_packages() { echo "$(find "$venv"/lib/*/site-packages -maxdepth 1 -name '*.dist-info' | wc -l | tr -d ' ') packages installed"; }

pip() { (noted "$venv/bin/python" -m pip --disable-pip-version-check "$@"); }

install_by_uv() {
    pip install -q --require-hashes -r requirements/bootstrap.lock >"$state/uv.log" 2>&1 || {
        say "  uv cannot be had (see .cache/setup/uv.log); going on with pip, which takes longer"
        return 1
    }
    # uv does not read pip's configuration: a mirror, a folder of wheels or a certificate that is set there has to be passed on.
    index=$(pip_option index-url)
    extra=$(pip_option extra-index-url)
    links=$(pip_option find-links)
    certificate=$(pip_option cert)
    if (
        [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
        [ -z "$extra" ] || export UV_INDEX="${UV_INDEX:-$extra}"
        [ -z "$links" ] || export UV_FIND_LINKS="${UV_FIND_LINKS:-$links}"
        [ -z "$certificate" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$certificate}"
        export UV_LINK_MODE="${UV_LINK_MODE:-copy}" UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-120}" VIRTUAL_ENV="$venv"
        set -- "$venv/bin/uv" pip sync --require-hashes requirements/requirements.lock
        # uv draws its own progress, but only for a person.
        if [ -t 2 ]; then (noted "$@"); else with_progress installed_packages "$state/uv.log" "$@"; fi
    ); then
        (noted "$venv/bin/uv" pip install -q --python "$venv/bin/python" --no-deps --no-build-isolation --editable .)
    else
        say '  uv did not succeed; going on with pip'
        return 1
    fi
}

# The last value wins: a variable over a file.
pip_option() { pip config list 2>/dev/null | sed -n "s/^[^=]*\.$1='\(.*\)'\$/\1/p" | tail -n 1; }

install_by_pip() {
    with_progress installed_packages "$state/pip.log" "$venv/bin/python" -m pip --disable-pip-version-check install --require-hashes -r requirements/requirements.lock ||
        fail "the Python packages could not be installed; the end of .cache/setup/pip.log says why: $(tail -n 2 "$state/pip.log")"
    pip install -q --no-deps --no-build-isolation --editable . || fail 'the project itself could not be installed into .venv.'
}

# ---- jars ----------------------------------------------------------------------------------------------------------

install_jars() {
    part=$1
    wanted=$(digest "jars/$part/pom.xml")
    [ "$(stamp_of "$jars/$part/.stamp")" != "$wanted" ] || return 0
    did_something=yes
    require_tools java maven
    use_java
    say "Downloading the jars of jars/$part/pom.xml"
    new=$jars/.new-$part
    mkdir -p "$jars"
    attempt=1
    until rm -rf "$new" && copy_jars; do
        [ $attempt -lt 3 ] || fail "the jars could not be downloaded; .cache/setup/$part-jars.log says: $(grep -m 1 ERROR "$state/$part-jars.log")"
        say "  that failed (see .cache/setup/$part-jars.log); trying again"
        sleep $((attempt * 5))
        attempt=$((attempt + 1))
    done
    echo "$wanted" >"$new/.stamp"
    rm -rf "${jars:?}/$part"
    mv "$new" "$jars/$part"
    say "  $(find "$jars/$part" -name '*.jar' | wc -l | tr -d ' ') jars"
}

downloaded_files() { echo "$(grep -c '^Downloaded from' "$log") files downloaded"; }

copy_jars() {
    with_progress downloaded_files "$state/$part-jars.log" "$(tool maven)" -B --strict-checksums -f "jars/$part/pom.xml" \
        dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$new"
}

# ---- compiled code -------------------------------------------------------------------------------------------------

# The first hour that validation sees would wait for it otherwise.
compile_scanner() {
    wanted=$(digest data_pipeline/validation/fast/*.py data_pipeline/landing/native_gather.py requirements/requirements.lock)
    [ "$(stamp_of "$state/scanner.stamp")" != "$wanted" ] || return 0
    did_something=yes
    say "Compiling validation's row scanner and landing's reader"
    if with_progress compiling "$state/scanner.log" "$venv/bin/python" -m data_pipeline.validation.fast.compiling &&
        "$venv/bin/python" -c 'from data_pipeline.landing.native_gather import warm_up; warm_up()' >>"$state/scanner.log" 2>&1; then
        echo "$wanted" >"$state/scanner.stamp"
    else
        say "  that failed (see .cache/setup/scanner.log); the first large hour will compile it"
    fi
}

compiling() { echo 'compiling'; }

# ---- all of it -----------------------------------------------------------------------------------------------------

main() {
    tools='python java'
    for option in "$@"; do
        case $option in
        --browser) tools="$tools chromium" ;;
        *) fail "'$option' is not an option of scripts/setup.sh; there is --browser." ;;
        esac
    done
    lock
    # shellcheck disable=SC2086 # a list of names
    require_tools $tools
    use_java
    install_python_part
    install_jars kafka
    install_jars spark
    compile_scanner
    [ $did_something = no ] || say "Everything is installed ($(($(date +%s) - started)) s)."
}

main "$@"
