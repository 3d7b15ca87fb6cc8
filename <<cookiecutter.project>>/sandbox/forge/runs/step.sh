# Runs a step without the terminal that act gives it: GitHub's runners have none, so nothing pages or colours there.
# Ends with the step's shell, as GitHub does; what it left in the background keeps its output to itself.
exec 3>&1
exec 4> >(exec cat >&3)
reader=$!
"$@" < /dev/null >&4 2>&1 3>&- 4>&-
status=$?
exec 4>&-
for _ in {1..50}; do
    kill -0 "$reader" 2> /dev/null || break
    sleep 0.01
done
exit "$status"
