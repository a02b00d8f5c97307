tr -d '[] \n' < "$1" | tr ',' '\n' | awk '{ s += $1 } END { printf "%d", s }' > "$2"
