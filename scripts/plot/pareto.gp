# Reachability against what it costs, a panel a cost; what nothing beats is joined by stairs and named.
# 'values': for each panel, for each strategy a block of: cost, reachable low high. 'front': for each panel the corners
# of the stairs. 'names': for each panel: a mark, and where a line to its name ends. All are places on linear axes.
set multiplot
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set style line 102 linecolor rgb '#B4B4B4' linewidth 1.8
do for [k = 1:np_panels] {
    set bmargin at screen py(Foot[k])
    set tmargin at screen py(Foot[k] + np_panel)
    if (k > 1) { eval np_around_is_drawn }
    eval X[k]
    eval Y[k]
    do for [i = 1:np_names] { if (TextOf[i] == k) { set label i Text[i] at TextX[i], TextY[i] left front textcolor rgb '#111111' } else { unset label i } }
    b = (k - 1) * np_strategies - 1
    if (k < np_panels || np_legend == 0) { set key off } else { set key on }
    plot 'front' index k - 1 using 1:2 with lines linestyle 102 notitle, \
         'names' index k - 1 using 1:2:($3 - $1):($4 - $2) with vectors nohead linestyle 101 notitle, \
         for [i = 1:np_strategies] 'values' index b + i using 1:2:3:4 with yerrorbars linestyle i dashtype 1 linewidth 1.5 notitle, \
         for [i = 1:np_strategies] keyentry with points linestyle i title (Shown[i] ? Name[i] : '')
}
unset multiplot
