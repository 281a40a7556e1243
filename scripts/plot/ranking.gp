# Strategies by one figure, the best on top; beside it the paired difference from the first strategy.
# 'values': a block a row: its place in pixels from the panel's top, mean low high, difference low high.
set multiplot
set key off
set bmargin at screen py(Foot[1])
set tmargin at screen py(Foot[1] + np_panel)
set yrange [np_panel:0]
set grid noytics xtics
set border 1
set ytics scale 0
set ytics ()
do for [i = 1:np_rows] {
    set ytics add (Row[i] 6 + np_row * (i - 0.5))
    set label i Number[i] at screen px(np_width - np_right + 16), first 6 + np_row * (i - 0.5) left textcolor rgb '#333333'
}
set lmargin at screen px(np_left)
set rmargin at screen px(np_left + np_first)
eval np_value
plot for [i = 1:np_rows] 'values' index i - 1 using 2:1:3:4 with xerrorbars linestyle Style[i] dashtype 1 linewidth 1.8
if (np_panes) {
    unset label
    unset ytics
    set lmargin at screen px(np_left + np_first + np_between)
    set rmargin at screen px(np_width - np_right)
    set label 1 np_versus_title at graph 0, screen py(Foot[1] + np_panel + 14) left textcolor rgb '#555555'
    set arrow from 0, graph 0 to 0, graph 1 nohead linecolor rgb '#888888' linewidth 1
    eval np_versus
    plot for [i = 1:np_rows] 'values' index i - 1 using 5:1:6:7 with xerrorbars linestyle Style[i] dashtype 1 linewidth 1.8
}
unset multiplot
