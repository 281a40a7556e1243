# A replay over time: mappings held, and mappings lost that their flows still needed. Of one box by cause, in each
# stretch of time; of several a line a box, all until then.
# 'values': a block of (time, mappings, evicted and lost in a unit of time, lost so far) for each.
set multiplot
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set xrange [0:np_end]

set bmargin at screen py(np_foot_high)
set tmargin at screen py(np_foot_high + np_panel)
set title np_title offset 0, 0.3
set ylabel 'mappings held'
set format x ''
near = np_capacity < 3 * np_peak
top = near && np_capacity > np_peak ? np_capacity : np_peak
set yrange [0:top > 0 ? 1.1 * top : 1]
if (near) {
    set arrow 1 from graph 0, first np_capacity to graph 1, first np_capacity nohead linecolor rgb '#444444' linewidth 1.5 dashtype 2
    set label 1 'capacity '.short(np_capacity) at graph 0.99, first np_capacity right offset 0, 0.7 textcolor rgb '#444444'
}
set key off
plot for [i = 1:np_boxes] 'values' index i - 1 using 1:2 with lines linestyle i notitle

unset arrow 1
unset label 1
unset title
set bmargin at screen py(np_foot_low)
set tmargin at screen py(np_foot_low + np_panel)
set format x '%g'
set xlabel np_time_unit
set yrange [0:*<1e9]
set key on
if (np_boxes == 1) {
    set ylabel 'lost per '.np_rate_unit
    dark = '#1766A6'
    light = '#F2B23E'
    plot 'values' index 0 using 1:4 with filledcurves y1=0 fillcolor rgb light fillstyle solid noborder notitle, \
         'values' index 0 using 1:3 with filledcurves y1=0 fillcolor rgb dark fillstyle solid noborder notitle, \
         keyentry with lines linestyle 1 title Name[1], \
         keyentry with boxes fillcolor rgb dark fillstyle solid noborder title Name[2], \
         keyentry with boxes fillcolor rgb light fillstyle solid noborder title Name[3]
} else {
    set ylabel 'lost so far'
    plot for [i = 1:np_boxes] 'values' index i - 1 using 1:5 with lines linestyle i notitle, \
         for [i = 1:np_boxes] keyentry with lines linestyle i title Name[i]
}
unset multiplot
