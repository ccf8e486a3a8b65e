# Sets up .venv in the repository and activates it: `. scripts/environment.sh EXTRA`.
# A second run finds it ready and takes no time.

# Where this is set, every process compiles all that it imports: 2 seconds for JAX, pandas
# and matplotlib, and a run of the tests starts hundreds.
unset PYTHONDONTWRITEBYTECODE

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "tivax needs Python 3.11 or newer with pip and venv; set PYTHON to one" >&2
    return 1
}

told() { # told FILE: what pip said there, and a line of ours where it found no packages
    cat "$1" >&2
    if grep -qiE "no matching distribution|connection|timed out|proxyerror|name resolution" "$1"; then
        echo "tivax: the package index could not be reached, or lacks a package; connect to the network," \
            "or set PIP_INDEX_URL or PIP_FIND_LINKS to a place that has it, then give the same command again" >&2
    fi
    return 1
}

prepare() { # prepare FOLDER WHAT: a virtual environment with WHAT installed by pip
    local folder=$1 what=$2 size="100 packages, 1.3 GB" python ready
    case $what in *cuda*) size="150 packages, 7 GB" ;; esac
    ready="$folder/ready-$( (echo "$what" && cat pyproject.toml) | cksum | cut -d ' ' -f 1)"
    if [ ! -e "$ready" ]; then
        python=$(find_python) || return
        echo "Setting up $folder with $("$python" --version): about $size, a few minutes the first time"
        echo "1/3 a virtual environment"
        [ -x "$folder/bin/python" ] || "$python" -m venv "$folder" || return
        echo "2/3 a current pip"
        "$folder/bin/python" -m pip install -qq --disable-pip-version-check --upgrade pip \
            2>"$folder/pip-warnings" || told "$folder/pip-warnings" || return
        echo "3/3 JAX, pandas, matplotlib and what else $what needs"
        # A line for every 25 packages, so that one sees it move; warnings are kept for a failure.
        # shellcheck disable=SC2086
        {
            "$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar off --no-compile $what \
                2>"$folder/pip-warnings" || touch "$folder/failed"
        } |
            awk '/^Collecting/ && ++n % 25 == 0 { print "    " n " packages found"; fflush() }
                 /^Installing/ { print "    installing " n " packages"; fflush() }'
        if [ -e "$folder/failed" ]; then
            rm "$folder/failed"
            told "$folder/pip-warnings" || return
        fi
        touch "$ready"
    fi
    PATH="$PWD/$folder/bin:$PATH"
}

borrow() { # borrow FOLDER: a fresh environment that has the packages of .venv, but not its tivax
    rm -rf "$1"
    .venv/bin/python -m venv "$1"
    local packages='import sysconfig; print(sysconfig.get_path("purelib"))'
    .venv/bin/python -c "$packages" >"$("$1/bin/python" -c "$packages")/borrowed.pth"
}

# Compiled programs are kept for the next run, in a folder for each JAX and processor: JAX
# finds a program by all that makes it. JAX_COMPILATION_CACHE_DIR names another folder;
# a new one compiles everything.
keep_programs() {
    if [ -z "${JAX_COMPILATION_CACHE_DIR:-}" ]; then
        local programs=${XDG_CACHE_HOME:-$HOME/.cache}/tivax-tests made_by
        made_by='from importlib.metadata import version; print(version("jax"), version("jaxlib"))'
        made_by=$( (python -c "$made_by" && grep -m 1 "^flags" /proc/cpuinfo || uname -mp) | cksum)
        export JAX_COMPILATION_CACHE_DIR=$programs/${made_by%% *}
        mkdir -p "$JAX_COMPILATION_CACHE_DIR"
        # What has not been read for a month.
        find "$programs" -type f -atime +30 -mtime +30 -delete
        find "$programs" -mindepth 1 -type d -empty ! -path "$JAX_COMPILATION_CACHE_DIR" -delete
    fi
    export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0 TF_CPP_MIN_LOG_LEVEL=3
}
