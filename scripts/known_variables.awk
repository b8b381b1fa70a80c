# List the variables that a make target knows: awk -v goals="provision" -f scripts/known_variables.awk Makefile
# These are the ones in its rule, in the variables and the targets that it refers to, and in its help,
# without those that the Makefile itself sets. Prints nothing if a goal is the name of a file.

/^[A-Z_]+ *[?:]?=/ {
    name = $0
    sub(/ *[?:]?=.*/, "", name)
    value[name] = value[name] " " $0
    if ($0 !~ /^[A-Z_]+ *[?]=/) computed[name]
}
/^[a-z][a-z -]*:([^=]|$)/ {
    current = $0
    sub(/:.*/, "", current)
    rule[current] = rule[current] " " $0
    next
}
/^\t/ { rule[current] = rule[current] " " $0 }
!/^\t/ { current = "" }

END {
    count = split(goals, goal)
    for (i = 1; i <= count; i++) {
        if (!(goal[i] in rule)) exit
        collect(rule[goal[i]])
    }
    print "VENV\nPYTHON\nMNIST_DIR"
    for (name in found) if (!(name in computed) && name != "MAKE" && name != "CURDIR") print name
}

function collect(text,    rest, name, help) {
    rest = text
    while (match(rest, /\$\([A-Z_]+[),:]/)) {
        name = substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + 2)
        if (name in value && !(name in found)) { found[name]; collect(value[name]) }
        found[name]
    }
    rest = text
    while (match(rest, /\$\(MAKE\)( [A-Z_]+=[^ ]*)* [a-z][a-z-]*/)) {
        name = substr(rest, RSTART, RLENGTH)
        sub(/.* /, "", name)
        rest = substr(rest, RSTART + RLENGTH)
        if (name in rule && !(name in visited)) { visited[name]; collect(rule[name]) }
    }
    help = text
    if (sub(/.*\[/, "", help) && sub(/\].*/, "", help))
        while (match(help, /[A-Z_]+=/)) {
            found[substr(help, RSTART, RLENGTH - 1)]
            help = substr(help, RSTART + RLENGTH)
        }
}
