# SPDX-License-Identifier: MIT
#
# The look of pictures, in gnuplot's own language. Each script begins with a
# terminal and with three variables, and goes on with this file:
#
#   as_text  1 where letters stand for pixels, else 0
#   mark     a size of points that looks the same on all terminals
#   tics     how many labels stand side by side on the axis x of a panel
#
# A panel begins with `eval look`. Then come its numbers, as blocks of data, and
# the commands that draw them. Kinds of panels share the commands below, which
# they run by `eval`, and parts of a command, which they insert by `@`. A loop
# `for [i=as_text:0]` is run once, but never for text.

set encoding utf8
set decimalsign '.'

# The colours are those of Okabe and Ito (2008), in an order in which neighbours
# differ in their grey, too. No two have the same dashes or marks.
set linetype 1 lc rgb '#0072b2' lw 2 dt 1 pt 7
set linetype 2 lc rgb '#e69f00' lw 2 dt (12,5) pt 9
set linetype 3 lc rgb '#000000' lw 2 dt (3,4) pt 5
set linetype 4 lc rgb '#d55e00' lw 2 dt (12,4,3,4) pt 13
set linetype 5 lc rgb '#56b4e9' lw 3 dt 1 pt 11
set linetype 6 lc rgb '#009e73' lw 3 dt (6,3) pt 15
set linetype 7 lc rgb '#cc79a7' lw 3 dt (3,3) pt 6
set linetype 8 lc rgb '#b0a000' lw 3 dt (12,4,3,4,3,4) pt 8
set linetype cycle 8

look = "set border 3 lc rgb '#606060'; set tics nomirror scale 0 front; \
set key bmargin center horizontal Left reverse samplen 2.5 width 1 height 0.5; \
set style fill solid 1 border lc rgb '#404040'"
if (!as_text) look = look."; set xlabel offset 0,0.4; \
set grid lt 1 lc rgb '#e4e4e4' lw 1 dt 1"

# The distance of tics on the axis x, which is 1, 2 or 5 times a power of ten, so
# that the labels do not touch.
decade(x) = 10.**floor(log10(x))
round_up(x) = decade(x)*(x > 5*decade(x) ? 10 : x > 2*decade(x) ? 5 : \
x > decade(x) ? 2 : 1)
x_scale(low, high) = high > low ? \
sprintf("set xtics %g", round_up(1.*(high-low)/tics)) : ""

# A logarithmic axis y ends near the numbers, and not at the next power of ten.
# Where it has few powers of ten, 2 and 5 times these are named too.
log_scale(low, high) = sprintf("set yrange [%g:%g]", low/1.2, high*1.2). \
(high > 100*low ? "" : \
sprintf("; set for [e=%d:%d] ytics add (2*10.**e, 5*10.**e)", \
floor(log10(low))-1, ceil(log10(high))))

# Regions: a matrix over points (x0 + j dx, y0 + i dy), whose numbers go from
# `least` to `most`. The levels of one output are those of a probability, or of
# the outputs, with a scale on the right side, because gnuplot's own scale
# consists of 128 boxes. Of several outputs the matrix holds classes, whose tints
# are those of the points. The block $line holds the line where one output is
# 0.5, or the contours at 0.5, 1.5 ..., which are the lines between classes.
output = "share = least >= 0 && most <= 1; low = share ? 0 : least; \
high = share ? 1 : most; has_line = least < 0.5 && most > 0.5; \
set palette defined (0 '#7fb2d6', 0.5 '#d9d9d0', 1 '#ffe9b8') \
maxcolors 10; set cbrange [low:high]; set rmargin 9; \
do for [i=10*as_text:9] {set object i+1 rect from graph 1.03,graph i/10. \
to graph 1.07,graph (i+1)/10. fc palette frac (i+0.5)/10 lw 0 noclip}; \
do for [i=5*as_text:4] {set label gprintf('%g', low+i*(high-low)/4.) \
at graph 1.09,graph i/4.}; set cntrparam levels discrete 0.5"
classes = "has_line = least < most; \
set palette defined (0 '#86b4d8', 1 '#fbe0a8', 2 '#bdbdbd', \
3 '#eeae84', 4 '#c8e6f7', 5 '#8ccbb5', 6 '#efcfe0', 7 '#f3eda6') \
maxcolors 8; set cbrange [-0.5:7.5]; set cntrparam levels incremental 0.5,1,99"
regions = "set contour base; unset surface; set table $line; \
splot $d matrix using (x0+$1*dx):(y0+$2*dy):3; \
unset table; set surface; unset contour; unset colorbox; \
set xrange [x0:x0+(side-1)*dx] noextend; \
set yrange [y0:y0+(side-1)*dy] noextend; eval x_scale(x0, x0+(side-1)*dx)"
place = "for [i=as_text:0] $d matrix using (x0+$1*dx):(y0+$2*dy)"
plot_output = place.":3 with image notitle, for [i=1:has_line] $line \
using 1:2 with lines lt 3 dt 2 lw 1.5 title '0.5'"
plot_classes = place.":(int($3)%8) with image notitle, for [i=1:has_line] $line \
using 1:2 with lines lt 3 dt 1 lw 1.5 notitle"

# The loss over two weights.
surface = "set pm3d depthorder border lc rgb '#303030' lw 0.5; set border 127; \
set xyplane relative 0.1; unset colorbox; \
set palette defined (0 '#ffffd9', 0.5 '#41b6c4', 1 '#253494'); \
set format xy '%.3g'; set xtics offset 0,-0.3; set ytics offset 1,-0.2; \
set ztics; set xlabel offset 0,-0.6; set ylabel offset -2,-0.6; \
set zlabel 'loss' norotate offset 6,6; set view 55,30"
network_mark = "point lt 4 ps 1.8*mark front offset 1.2,0.6"

# A network: weights as lines of five widths, by the fifth of the largest weight
# in which their own is. A neuron is a white mark on a dark one.
network = "unset border; unset tics; unset grid"
fifth(w) = abs(w) < largest ? int(abs(w)/largest*5) : 4
weights = "for [i=0:4] $d using ($3>=0&&fifth($3)==i?$1:NaN):2 with lines lt 1 \
lw 0.5+1.1*i notitle, for [i=0:4] $d using ($3<0&&fifth($3)==i?$1:NaN):2 \
with lines lt 4 lw 0.5+1.1*i notitle, \
keyentry with lines lt 1 lw 4 title 'positive weight', \
keyentry with lines lt 4 lw 4 title 'negative weight'"
neuron = "front point pt 7 ps 2.8*mark lc rgb '#404040'"
inside = "front point pt 7 ps 2.2*mark lc rgb '#ffffff'"

# A matrix of cells, row 0 above. Numbers on dark cells are white; text has no
# cells, and the colour of the terminal.
cells = "unset grid; set border 15; unset colorbox; \
set xrange [-0.5:cols-0.5]; set yrange [rows-0.5:-0.5]"
shares = "set cbrange [0:1]; set palette defined (0 '#e9f2f9', 1 '#08306b')"
greys = "unset tics; set palette defined (0 '#ffffff', 1 '#000000'); \
set size ratio 1.*rows/cols"
numbers = "$d using 1:2:($4>0&&$3<=0.5?gprintf('%.0f',$4):'') with labels \
notitle, $d using 1:2:($4>0&&$3>0.5?gprintf('%.0f',$4):'') with labels ". \
(as_text ? "" : "tc rgb '#ffffff' ")."notitle"
marks = "for [i=1:as_text] $d using 1:($4>0?$2:NaN) with points notitle"

# Bars begin at 0, and have room for their values above.
bars = "if (!as_text) {set grid noxtics}; set offsets 0, 0, graph 0.15, 0"
from_0 = "set yrange [*<0:0<*]"
