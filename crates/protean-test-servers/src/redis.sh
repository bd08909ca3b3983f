# Runs a Redis server until its own input ends: with the process of the tests, however that ends.
# $1 the program, $2 the client, $3 the folder
program=$1 client=$2 folder=$3
begin() {
    "$program" "$folder/redis.conf" >>"$folder/log" 2>&1 </dev/null &
    server=$!
    until [ "$("$client" -s "$folder/socket" ping 2>/dev/null)" = PONG ]; do
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.02
    done
}
end() { kill "-$1" "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
begin && echo "$server" || echo failed
while read -r word; do
    case $word in
        start) begin && echo "$server" || echo failed ;;
        pause) kill -STOP "$server" && echo "$server" || echo failed ;;
        go) kill -CONT "$server" && echo "$server" || echo failed ;;
        *) end "$word"; echo "$server" ;;
    esac
done
end KILL
rm -rf "$folder"
