# Runs a PostgreSQL server until its own input ends: with the process of the tests, however that ends.
# $1 the programs, $2 the folder, $3 the settings
begin() { "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -t 60 -w -o "$settings" start >/dev/null 2>&1; }
end() { "$bin/pg_ctl" -D "$folder/data" -m "$1" -w stop >/dev/null 2>&1; }
bin=$1 folder=$2 settings=$3
begin && echo done || echo failed
while read -r word; do
    case $word in
        start) begin && echo done || echo failed ;;
        *) end "$word" && echo done || echo failed ;;
    esac
done
end immediate
rm -rf "$folder"
