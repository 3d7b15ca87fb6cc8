# Fetches one commit as actions/checkout does, into a folder of the workspace.
set -euo pipefail

url="$GITHUB_SERVER_URL/$REPOSITORY.git"
header="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)"
mkdir -p "$GITHUB_WORKSPACE/$FOLDER"
cd "$GITHUB_WORKSPACE/$FOLDER"

git init -q -b main .
git remote add origin "$url"
git config --local gc.auto 0
git config --local "http.$GITHUB_SERVER_URL/.extraheader" "$header"

case "$REF" in
    "") wanted="$GITHUB_SHA"; name="$GITHUB_REF" ;;
    refs/*) wanted="$REF"; name="$REF" ;;
    *)
        if [[ "$REF" =~ ^[0-9a-f]{40}$ ]]; then
            wanted="$REF"; name=""
        elif git ls-remote -q --exit-code origin "refs/heads/$REF" > /dev/null; then
            wanted="refs/heads/$REF"; name="$wanted"
        else
            wanted="refs/tags/$REF"; name="$wanted"
        fi
        ;;
esac

options=(--no-tags --prune --no-recurse-submodules -q)
if [[ "$TAGS" == true ]]; then options[0]=--tags; fi
if [[ "$DEPTH" == 0 ]]; then
    git fetch "${options[@]/--no-tags/--tags}" origin "+refs/heads/*:refs/remotes/origin/*" "+$wanted:refs/sandbox/wanted"
    commit=$(git rev-parse "refs/sandbox/wanted^{commit}")
    git update-ref -d refs/sandbox/wanted
else
    git fetch "${options[@]}" --depth="$DEPTH" origin "$wanted"
    commit=$(git rev-parse "FETCH_HEAD^{commit}")
fi

case "$name" in
    refs/heads/*)
        git update-ref "refs/remotes/origin/${name#refs/heads/}" "$commit"
        git checkout -q -B "${name#refs/heads/}" "refs/remotes/origin/${name#refs/heads/}"
        ;;
    *) git checkout -q --detach "$commit" ;;
esac
if [[ "$PERSIST" != true ]]; then
    git config --local --unset-all "http.$GITHUB_SERVER_URL/.extraheader"
fi
git --no-pager log -1 --no-color --format='HEAD is now at %h %s'
echo "ref=$name" >> "$GITHUB_OUTPUT"
echo "commit=$commit" >> "$GITHUB_OUTPUT"
