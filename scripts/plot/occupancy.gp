# The NAT's table over time: mappings held, mean over the replicas.
# 'entries': a block of (time, mappings) for each strategy.
set xlabel np_time_unit
eval name_side('mappings in the NAT')
set xrange [0:np_end]
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set bmargin at screen py(Foot[1])
set tmargin at screen py(Foot[1] + np_panel)
near = np_capacity > 0 && np_near
top = near && np_capacity > np_peak ? np_capacity : np_peak
set yrange [0:top > 0 ? 1.1 * top : 1]
if (near) {
    set arrow from graph 0, first np_capacity to graph 1, first np_capacity nohead linecolor rgb '#444444' linewidth 1.5 dashtype 2
    set label 'capacity '.short(np_capacity) at graph 0.99, first np_capacity right offset 0, 0.8 textcolor rgb '#444444'
}
if (np_warmup > 0) {
    set object rectangle from 0, graph 0 to np_warmup, graph 1 behind fillcolor rgb '#EEEEEE' fillstyle solid noborder
    set label 'warm-up' at np_warmup, graph 0.03 left offset 0.5, 0 textcolor rgb '#777777'
}
plot for [i = 1:np_strategies] 'entries' index i - 1 using 1:2 with lines linestyle i notitle, \
     for [i = 1:np_strategies] keyentry with lines linestyle i title Name[i]
