# One strategy over two varied paths: a cell a point, its mean in it. Colours and texts come with the data.
# 'values': a block a panel: column row, colour of the cell and of its number, the number.
set multiplot
set key off
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set xrange [-0.5:np_columns - 0.5]
set yrange [np_rows - 0.5:-0.5]
unset grid
set border 0
set tics scale 0
set xtics ()
set ytics ()
do for [i = 1:np_rows] { set ytics add (Row[i] i - 1) }
set label 997 np_other at screen px(np_side), graph 0.5 center rotate by 90
do for [k = 1:np_panels] {
    if (k > 1) { eval np_around_is_drawn }
    set bmargin at screen py(Foot[k])
    set tmargin at screen py(Foot[k] + np_panel)
    set label 1 Panel[k] at screen px(np_left), py(Foot[k] + np_panel + 16) left textcolor rgb '#111111'
    set xtics ()
    do for [i = 1:np_columns] { set xtics add ((k == np_panels ? Column[i] : '') i - 1) }
    if (k == np_panels) { set xlabel np_along }
    plot 'values' index k - 1 using 1:2:($1 - 0.485):($1 + 0.485):($2 - 0.47):($2 + 0.47):3 with boxxyerror linecolor rgb variable fillstyle solid noborder, \
         '' index k - 1 using 1:2:(stringcolumn(5)):4 with labels textcolor rgb variable
}
unset multiplot
