# SPDX-License-Identifier: MIT
#
# The interface is frozen: what tests/api lists is what the public headers
# declare. After a change that is meant,
#     sh tests/scripts/api.sh build --write
# writes the list anew.

. "$(dirname "$0")/common.sh"
need cc python3
export build
python3 "$source/tests/scripts/api.py" "$source" "$scratch" ${2:+"$2"}
