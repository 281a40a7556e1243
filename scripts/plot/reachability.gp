# Reachability and breaks against the cost of upkeep: one point a strategy, with 95 % intervals.
# 'values': cost low high, reachable low high, breaks low high; costs are log10 already (see sim/report/plot.c).
set multiplot
set key off
set lmargin at screen px(np_left)
set rmargin at screen px(np_width - np_right)
set xrange [np_cost_low:np_cost_high]
set xtics () out
if (np_cost_zero == np_cost_zero) { set xtics add ('0' np_cost_zero) }
few = np_cost_high - np_cost_least < 2.3
do for [d = np_cost_least:np_cost_high] {
    do for [m = 1:9] {
        if (d + log10(m) <= np_cost_high) {
            if (m == 1 || (few && (m == 2 || m == 5))) { set xtics add (short(m * 10 ** d) d + log10(m)) } else { set xtics add ('' d + log10(m) 1) }
        }
    }
}

set bmargin at screen py(Foot[1])
set tmargin at screen py(Foot[1] + np_panel)
eval name_side('reachable (% of the time)')
set yrange [np_reachable_low:np_reachable_high]
set format x ''
do for [i = 1:np_names] { if (TextOf[i] == 1) { set label i Text[i] at TextX[i], TextY[i] left front textcolor rgb '#111111' } else { unset label i } }
plot $reachable using 1:2:($3 - $1):($4 - $2) with vectors nohead linestyle 101, \
     for [i = 1:np_strategies] 'values' index i - 1 using 1:4:2:3:5:6 with xyerrorbars linestyle i dashtype 1 linewidth 1.5

set bmargin at screen py(Foot[2])
set tmargin at screen py(Foot[2] + np_panel)
eval np_around_is_drawn
set format x '%g'
set xlabel 'upkeep (bytes per connection-hour)'
eval name_side('breaks per connection-hour')
set yrange [np_breaks_low:np_breaks_high]
do for [i = 1:np_names] { if (TextOf[i] == 2) { set label i Text[i] at TextX[i], TextY[i] left front textcolor rgb '#111111' } else { unset label i } }
plot $breaks using 1:2:($3 - $1):($4 - $2) with vectors nohead linestyle 101, \
     for [i = 1:np_strategies] 'values' index i - 1 using 1:7:2:3:8:9 with xyerrorbars linestyle i dashtype 1 linewidth 1.5
unset multiplot
