# Runs Chromium until its own input ends: with the process of the tests, however that ends.
# $1 the folder of its files, then the program and its options. It reads what it is asked from
# descriptor 3, writes its answers to 4, and ends when 3 does.
folder=$1
shift
# Nothing of it is kept outside of the folder.
export HOME="$folder" TMPDIR="$folder" XDG_CONFIG_HOME="$folder" XDG_CACHE_HOME="$folder"
"$@" 3<&0 4>&1 </dev/null >/dev/null 2>"$folder/log"
rm -rf "$folder"
